"""Tries out a mailbox of kind exchange or graph step by step, over the store that serves it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final, Literal

from appliance.config.mailboxes import is_online
from appliance.config.settings import MailboxSettings, Office
from appliance.domain.errors import ApplianceError, CredentialsRefused
from appliance.domain.ports import Clock
from appliance.mailbox.claimed import known_box
from appliance.mailbox.mailstore import MailStore, Note, Tag
from appliance.mailbox.places import Place
from appliance.mailbox.probe_send import Trial, Tried, note
from appliance.mailbox.probe_server import server_probe
from appliance.mailbox.probe_wish import Wish
from appliance.mailbox.probes import Probe, failed, skipped, tried
from appliance.mailbox.signin import SignIn
from appliance.mailbox.store_account import store_settings
from appliance.mailbox.store_claim import LEASE_SECONDS

ENDS: Final = datetime(2027, 4, 1, tzinfo=UTC)
"""Exchange Online takes no EWS from then on, by Microsoft's announcement."""

_OURS: Final = (Place.DRAFTS, Place.SENT, Place.HANDLED, Place.HELD, Place.SKIPPED)
_AFTER_SIGN_IN: Final = ("other", "folders", "draft", "claim")


class StoreProbe:
    """The probes of one mailbox."""

    def __init__(
        self,
        settings: MailboxSettings,
        office: Office,
        wish: Wish,
        *,
        open_one: Callable[[MailboxSettings], MailStore],
        sign_in: SignIn,
        clock: Clock,
    ) -> None:
        """``open_one`` opens a store for these settings, each with a sign-in of its own.

        ``open_probe`` builds it from settings alone.
        """
        self._settings = settings
        self._office = office
        self._wish = wish
        self._open = open_one
        self._sign_in = sign_in
        self._clock = clock

    def run(self) -> Iterator[Probe]:
        """Each probe as soon as it is done."""
        yield from self._told()
        reached = tried("server", partial(server_probe, self._settings))
        yield reached
        if reached.state == "failed":
            yield from self._nothing_more("not_yet")
            return
        if self._sign_in.bearer:
            token = tried("sign_in", self._token)
            yield token
            if token.state == "failed":
                yield from self._nothing_more("not_signed_in")
                return
        store = self._open(self._settings)
        try:
            yield from self._inside(store)
        finally:
            store.close()

    def _inside(self, store: MailStore) -> Iterator[Probe]:
        mailbox = tried("mailbox", partial(self._mailbox, store))
        yield mailbox
        if mailbox.state == "failed":
            for name in _AFTER_SIGN_IN:
                yield skipped(name, "not_signed_in")
            yield from self._unsent("not_yet")
            return
        yield tried("other", self._other)
        yield tried("folders", partial(self._folders, store))
        draft = tried("draft", partial(self._draft, store))
        yield draft
        yield tried("claim", partial(self._claim, store))
        if not self._wish.send:
            yield from self._unsent("not_asked")
        elif draft.state != "ok":
            yield from self._unsent("not_yet")
        else:
            yield from self._sent(store)

    def _told(self) -> Iterator[Probe]:
        """What is known without asking anybody."""
        if self._settings.kind == "exchange" and is_online(self._settings.exchange.server):
            found = "ews_over" if self._clock.now() >= ENDS else "ews_ends"
            yield Probe(name="online", state="warn", found=found)

    def _nothing_more(self, found: str) -> Iterator[Probe]:
        for name in ("mailbox", *_AFTER_SIGN_IN):
            yield skipped(name, found)
        yield from self._unsent("not_yet")

    def _unsent(self, found: str) -> Iterator[Probe]:
        if self._settings.kind == "exchange":
            yield skipped("send", found)
        yield skipped("round_trip", found)
        # What is known of Graph in any case is of no use where the mailbox itself is out of reach.
        yield self._marking(None) if found == "not_asked" else skipped("marking", found)

    def _token(self) -> Probe:
        self._sign_in.run(lambda _: None)
        return Probe(name="sign_in", state="ok", found="token")

    def _mailbox(self, store: MailStore) -> Probe:
        store.tagged(Place.INBOX, Tag.REPLY, "check")
        return Probe(name="mailbox", state="ok", found="read")

    def _other(self) -> Probe:
        """Another mailbox has to be refused."""
        other = self._wish.other
        if not other:
            return skipped("other", "not_named")
        store = self._open(_renamed(self._settings, other))
        values = (("other", other),)
        try:
            store.tagged(Place.INBOX, Tag.REPLY, "check")
        except CredentialsRefused:
            return Probe(name="other", state="ok", found="kept_out", values=values)
        except ApplianceError as error:
            return _unclear(other, error)
        finally:
            store.close()
        return Probe(name="other", state="warn", found="let_in", values=values)

    def _folders(self, store: MailStore) -> Probe:
        for place in _OURS:
            store.tagged(place, Tag.REPLY, "check")
        named = store_settings(self._settings)
        there = f"{named.handled}, {named.held}, {named.skipped}, {named.claim}"
        values = (("there", there),)
        return Probe(name="folders", state="ok", found="folders_ready", values=values)

    def _draft(self, store: MailStore) -> Probe:
        reply = note("draft", self._office, self._clock.now())
        ref = store.draft(reply, {Tag.COPY: reply.id, Tag.ORIGIN: reply.id}, None)
        found = store.tagged(Place.DRAFTS, Tag.COPY, reply.id)
        store.remove(found or [ref])
        if store.tagged(Place.DRAFTS, Tag.COPY, reply.id):
            return Probe(name="draft", state="failed", found="draft_stays")
        if list(found) != [ref]:
            return Probe(name="draft", state="failed", found="draft_unmarked")
        return Probe(name="draft", state="ok", found="draft_marked")

    def _claim(self, store: MailStore) -> Probe:
        try:
            ours = known_box(self._wish.box)
        except PermissionError:
            return skipped("claim", "box_unknown")
        notes = store.notes()
        others = [one for one in notes if one.box != ours]
        if others:
            minutes = f"{LEASE_SECONDS / 60:.0f}"
            values = (("host", _host(others[0])), ("minutes", minutes))
            return Probe(name="claim", state="warn", found="noted", values=values)
        return Probe(name="claim", state="ok", found="ours" if notes else "unclaimed")

    def _sent(self, store: MailStore) -> Iterator[Probe]:
        trial = Trial(self._office, self._clock)
        try:
            if self._settings.kind == "graph":
                result = trial.run(store)
                if not result.filed:
                    yield Probe(name="round_trip", state="failed", found="not_filed")
                    yield self._marking(result)
                    return
            else:
                result, way = self._either_way(trial, store)
                yield way
        except ApplianceError as error:
            name = "send" if self._settings.kind == "exchange" else "round_trip"
            yield failed(name, error)
            if name == "send":
                yield skipped("round_trip", "not_yet")
            yield self._marking(None)
            return
        yield result.round_trip()
        yield self._marking(result)

    def _marking(self, result: Tried | None) -> Probe:
        """Whether Auto-Submitted left with the mail to ourselves, where there was one."""
        graph = self._settings.kind == "graph"
        marked = None if result is None else result.marked
        if marked is None:
            # Nothing that Microsoft documents promises it.
            found = "marking_unsure" if graph else "not_yet"
            return Probe(name="marking", state="ok" if graph else "skipped", found=found)
        if marked:
            return Probe(name="marking", state="ok", found="marked")
        return Probe(name="marking", state="ok" if graph else "warn", found="unmarked")

    def _either_way(self, trial: Trial, store: MailStore) -> tuple[Tried, Probe]:
        """By the way of sending that is configured; where that is not honoured, by the other."""
        wanted = self._settings.exchange.send
        result = trial.run(store)
        if result.filed:
            return result, _way("sends", wanted)
        other: Literal["send_item", "update_item"] = (
            "update_item" if wanted == "send_item" else "send_item"
        )
        exchange = replace(self._settings.exchange, send=other)
        another = self._open(replace(self._settings, exchange=exchange))
        try:
            second = trial.run(another)
        finally:
            another.close()
        if second.filed:
            return second, _way("sends_otherwise", other)
        return second if second.head else result, Probe(
            name="send", state="failed", found="sends_not"
        )


def _renamed(settings: MailboxSettings, address: str) -> MailboxSettings:
    if settings.kind == "graph":
        return replace(settings, graph=replace(settings.graph, mailbox=address))
    return replace(settings, exchange=replace(settings.exchange, mailbox=address))


def _unclear(other: str, error: ApplianceError) -> Probe:
    values = (("other", other), ("reason", str(error)))
    return Probe(name="other", state="warn", found="unclear", values=values)


def _way(found: str, send: str) -> Probe:
    return Probe(
        name="send",
        state="ok" if found == "sends" else "warn",
        found=found,
        values=(("send", send),),
        learned=(("send", send),),
    )


def _host(one: Note) -> str:
    # It goes to a terminal.
    return "".join(sign for sign in one.host if sign.isprintable()).strip()[:100]
