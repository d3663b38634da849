"""The status page as plain values: what is going on, what needs a person, what is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from appliance import __version__
from appliance.config.settings import Settings
from appliance.domain.job import State
from appliance.flow.drafter import Drafter
from appliance.flow.floor import Floor
from appliance.flow.health import Trouble
from appliance.flow.switches import STOP_SENDING
from appliance.flow.views import moment, switch_view

_WAITING: Final = (State.RECEIVED, State.SCREENED)
_FOR_A_PERSON: Final = (State.DRAFTED, State.HELD, State.PARKED)
_LATE_SECONDS: Final = 30.0
_DEAD_SECONDS: Final = 900.0

Contact = Literal["ok", "late", "dead"]


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
        troubles = (*self.floor.health.troubles(), *self._silent())
        return {
            "version": __version__,
            "verdict": "trouble" if troubles else self._verdict(counts),
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
        if self.floor.switches.on(STOP_SENDING):
            return "sending stopped"
        if self.floor.switches.active():
            return "paused"
        working = self.drafter.in_flight() or any(counts.get(state, 0) for state in _WAITING)
        return "working" if working else "idle"

    def _silent(self) -> tuple[Trouble, ...]:
        """Mailboxes that were not heard of for long, though nothing failed: a hanging thread."""
        health = self.floor.health
        parts = {desk.name: f"mail in {desk.name}" for desk in self.floor.desks.all()}
        return tuple(
            Trouble(
                part=part,
                reason=f"No contact for {health.silent_seconds(part) / 60:.0f} minutes.",
                since=health.last_proven(part) or self.started,
            )
            for name, part in parts.items()
            if health.trouble(part) is None and self._contact(name) == "dead"
        )

    def _contact(self, name: str) -> Contact:
        """How well the mailbox is heard of; only a completed poll counts, not an open socket.

        Late after two polls or one failure; dead after a quarter of an hour (three polls, should
        they be longer), and where only a person can help.
        """
        part = f"mail in {name}"
        health = self.floor.health
        poll = self.floor.desks[name].settings.poll_seconds
        silent = health.silent_seconds(part)
        trouble = health.trouble(part)
        if silent > max(_DEAD_SECONDS, 3 * poll) or (trouble is not None and trouble.lasting):
            return "dead"
        never = health.last_proven(part) is None
        if never or trouble is not None or silent > max(_LATE_SECONDS, 2 * poll):
            return "late"
        return "ok"

    def _mailbox(self, name: str) -> dict[str, Any]:
        desk = self.floor.desks[name]
        return {
            "name": name,
            "kind": desk.settings.kind,
            "office": desk.office.name,
            "automatic": desk.office.automatic,
            "contact": self._contact(name),
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
