"""The status page as plain values: what is going on, what needs a person, what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from appliance import __version__
from appliance.config.settings import Settings
from appliance.domain.job import State
from appliance.flow.drafter import Drafter
from appliance.flow.floor import Floor
from appliance.flow.switches import STOP_SENDING
from appliance.flow.views import moment, switch_view

_WAITING: Final = (State.RECEIVED, State.SCREENED)
_FOR_A_PERSON: Final = (State.DRAFTED, State.HELD, State.PARKED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Gathers the page from the parts; reads only."""

    floor: Floor
    drafter: Drafter
    settings: Settings
    started: datetime

    def page(self, readings: Mapping[str, Any], notes: Sequence[str]) -> dict[str, Any]:
        """The whole page.

        Args:
            readings: what the host measures (celsius, bytes, percent); None where it cannot.
            notes: standing remarks, such as a configuration that was not taken over.
        """
        counts = self.floor.store.counts()
        troubles = self.floor.health.troubles()
        return {
            "version": __version__,
            "verdict": self._verdict(counts),
            "since": moment(self.started),
            "now": moment(self.floor.clock.now()),
            "mailboxes": [self._mailbox(desk.name) for desk in self.floor.desks.all()],
            "engine": self._engine(),
            "now_drafting": self._drafting(),
            "counts": {str(state): counts.get(state, 0) for state in State},
            "waiting": sum(counts.get(state, 0) for state in _WAITING),
            "needs_you": sum(counts.get(state, 0) for state in _FOR_A_PERSON),
            "troubles": [
                {"part": item.part, "reason": item.reason, "since": moment(item.since)}
                for item in troubles
            ],
            "switches": [switch_view(override) for override in self.floor.switches.active()],
            "notes": list(notes),
            "host": dict(readings),
        }

    def _verdict(self, counts: Mapping[State, int]) -> str:
        if self.floor.health.troubles():
            return "trouble"
        if self.floor.switches.on(STOP_SENDING):
            return "sending stopped"
        if self.floor.switches.active():
            return "paused"
        working = self.drafter.in_flight() or any(counts.get(state, 0) for state in _WAITING)
        return "working" if working else "idle"

    def _mailbox(self, name: str) -> dict[str, Any]:
        desk = self.floor.desks[name]
        return {
            "name": name,
            "kind": desk.settings.kind,
            "office": desk.office.name,
            "automatic": desk.office.automatic,
            "last_contact": moment(self.floor.health.last_proven(f"mail in {name}")),
            "knowledge_version": desk.knowledge.version,
        }

    def _engine(self) -> dict[str, Any]:
        engine = self.drafter.engine
        return {
            "kind": self.settings.engine.kind,
            "loaded": engine is not None,
            "name": engine.name if engine else None,
            "context": engine.context if engine else None,
            "slots": engine.slots if engine else None,
        }

    def _drafting(self) -> list[dict[str, Any]]:
        now = self.floor.clock.steady()
        return [
            {
                "id": flight.job.id,
                "tokens": flight.pieces,
                "of": flight.desk.office.writing.max_tokens,
                "seconds": round(now - flight.started, 1),
            }
            for flight in self.drafter.in_flight()
        ]
