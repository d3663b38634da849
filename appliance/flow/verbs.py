"""What the socket offers: each verb takes plain arguments and returns plain values."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from appliance.domain.errors import Conflict, NotFound
from appliance.domain.job import JobId, State
from appliance.flow.floor import Floor
from appliance.flow.review import Review
from appliance.flow.switches import PAUSE, STOP_SENDING
from appliance.flow.views import (
    draft_view,
    entry_view,
    job_view,
    message_view,
    reply_view,
    summary_view,
    switch_view,
)

Arguments = Mapping[str, object]
Act = Callable[[str, Arguments], object]
"""Caller's login name and arguments → what JSON can carry."""
_PAGE: Final = 200
_YEAR: Final = 366 * 24 * 60
_SAID: Final = 200


class Verbs:
    """The mail verbs and the switches, on behalf of one named caller each."""

    def __init__(self, floor: Floor, *, review: Review, interrupt: Callable[[], None]) -> None:
        """``interrupt`` cancels what the engine writes."""
        self._store = floor.store
        self._switches = floor.switches
        self._clock = floor.clock
        self._review = review
        self._interrupt = interrupt

    def reading(self) -> Mapping[str, Act]:
        """Verbs that change nothing, by the name they have on the socket."""
        return {
            "mail.list": self.mail_list,
            "mail.show": self.mail_show,
            "mail.why": self.mail_why,
        }

    def deciding(self) -> Mapping[str, Act]:
        """Verbs that change something."""
        return {
            "mail.approve": self.mail_approve,
            "mail.undo": self.mail_undo,
            "mail.edit": self.mail_edit,
            "mail.reject": self.mail_reject,
            "mail.redo": self.mail_redo,
            "mail.retry": self.mail_retry,
            "mail.resolve": self.mail_resolve,
            "pause": self.pause,
            "resume": self.resume,
            "stop-sending": self.stop_sending,
        }

    def mail_list(self, _who: str, arguments: Arguments) -> object:
        """``state`` (one or several, comma-separated), ``before`` (id), ``limit`` → rows."""
        states = _states(arguments.get("state"))
        before = _number(arguments, "before")
        limit = _number(arguments, "limit") or 50
        rows = self._store.list(
            states=states,
            before=JobId(before) if before is not None else None,
            limit=max(1, min(limit, _PAGE)),
        )
        return [summary_view(row) for row in rows]

    def mail_show(self, _who: str, arguments: Arguments) -> object:
        """``id`` → the mail, its newest draft, its findings and every version."""
        job = self._store.get(_job(arguments))
        return {
            **job_view(job),
            "mail": message_view(job.message),
            "drafts": [draft_view(draft) for draft in self._store.drafts(job.id)],
            "reply": reply_view(job),
        }

    def mail_why(self, _who: str, arguments: Arguments) -> object:
        """``id`` → findings and ledger, oldest entry first."""
        job = self._store.get(_job(arguments))
        entries = [entry_view(entry) for entry in self._store.entries(job.id)]
        return {**job_view(job), "ledger": entries[::-1]}

    def mail_approve(self, who: str, arguments: Arguments) -> object:
        return job_view(self._review.approve(_job(arguments), _number(arguments, "version"), who))

    def mail_undo(self, who: str, arguments: Arguments) -> object:
        return job_view(self._review.undo(_job(arguments), who))

    def mail_edit(self, who: str, arguments: Arguments) -> object:
        return job_view(
            self._review.edit(
                _job(arguments), _text(arguments, "text"), _number(arguments, "version"), who
            )
        )

    def mail_reject(self, who: str, arguments: Arguments) -> object:
        return job_view(self._review.reject(_job(arguments), _text(arguments, "reason"), who))

    def mail_redo(self, who: str, arguments: Arguments) -> object:
        return job_view(self._review.redo(_job(arguments), _text(arguments, "note"), who))

    def mail_retry(self, who: str, arguments: Arguments) -> object:
        return job_view(self._review.retry(_job(arguments), who))

    def mail_resolve(self, who: str, arguments: Arguments) -> object:
        sent = arguments.get("sent") is True
        return job_view(self._review.resolve(_job(arguments), who, sent=sent))

    def pause(self, who: str, arguments: Arguments) -> object:
        """``minutes`` (0: until resumed), ``why``, ``now`` (cancel what is being written)."""
        minutes = _number(arguments, "minutes") or 0
        if minutes > _YEAR:
            raise Conflict("A pause lasts a year at most; 0 minutes: until somebody resumes.")
        until = self._clock.now() + timedelta(minutes=minutes) if minutes else None
        self._switches.turn_on(PAUSE, who=who, why=_line(arguments, "why"), until=until)
        if arguments.get("now") is True:
            self._interrupt()
        return self.switches_view()

    def stop_sending(self, who: str, arguments: Arguments) -> object:
        """Nothing leaves any more until ``resume``; ``why``."""
        self._switches.turn_on(STOP_SENDING, who=who, why=_line(arguments, "why"), until=None)
        return self.switches_view()

    def resume(self, _who: str, arguments: Arguments) -> object:
        """``what``: ``drafting``, ``sending`` or ``all``."""
        what = _text(arguments, "what") or "all"
        if what not in {"drafting", "sending", "all"}:
            raise Conflict("Resume what? drafting, sending or all.")
        if what in {"drafting", "all"}:
            self._switches.turn_off(PAUSE)
        if what in {"sending", "all"}:
            self._switches.turn_off(STOP_SENDING)
        return self.switches_view()

    def switches_view(self) -> object:
        """What people switched, for the status."""
        return [switch_view(override) for override in self._switches.active()]


def _job(arguments: Arguments) -> JobId:
    number = _number(arguments, "id")
    if number is None:
        raise NotFound("Which mail? Give its number, as `mail list` shows it.")
    return JobId(number)


def _number(arguments: Arguments, key: str) -> int | None:
    value = arguments.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise Conflict(f"“{key}” has to be a whole number.")
    return value


def _text(arguments: Arguments, key: str) -> str:
    value = arguments.get(key, "")
    if not isinstance(value, str):
        raise Conflict(f"“{key}” has to be text.")
    return value


def _line(arguments: Arguments, key: str) -> str:
    """Text for a line of a colleague's terminal."""
    flat = " ".join(_text(arguments, key).split())
    return "".join(sign for sign in flat if sign.isprintable())[:_SAID]


def _states(value: object) -> frozenset[State] | None:
    if not value:
        return None
    names = [name.strip() for name in str(value).split(",")]
    known = {str(state) for state in State}
    unknown = [name for name in names if name not in known]
    if unknown:
        raise NotFound(f"No such state: {', '.join(unknown)}. There are {', '.join(State)}.")
    return frozenset(State(name) for name in names)
