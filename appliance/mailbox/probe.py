"""Tries out an account step by step: sign-in, folders, a draft, sending, a mail to itself."""

import os
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Final

from imapclient import IMAPClient

from appliance.config.mailboxes import is_online
from appliance.config.secrets import Secrets
from appliance.config.settings import MailboxSettings, Office
from appliance.domain.draft import Reply
from appliance.domain.mail import MessageId
from appliance.domain.ports import Clock
from appliance.mailbox.claim import LEASE
from appliance.mailbox.claimed import claims_on, known_box, stored
from appliance.mailbox.compose import compose
from appliance.mailbox.folders import Folders, remove
from appliance.mailbox.identity import sign_in_method
from appliance.mailbox.line import Line
from appliance.mailbox.places import Place
from appliance.mailbox.probes import Probe, authserv_id, skipped, tried
from appliance.mailbox.signin import SignIn
from appliance.mailbox.smtp import Submission
from appliance.mailbox.whereabouts import HEADER, holding

ROUND_TRIP: Final = timedelta(seconds=90)
"""A mail to oneself that is not there by then is reported as missing."""

_SHOWN: Final = ("IDLE", "MOVE", "UIDPLUS", "SPECIAL-USE", "CONDSTORE", "NAMESPACE")
_LOOK_SECONDS: Final = 1.0
_OURS: Final = {
    "Sent": Place.SENT,
    "Drafts": Place.DRAFTS,
    "Handled": Place.HANDLED,
    "Held": Place.HELD,
    "Skipped": Place.SKIPPED,
}
_ARRIVES: Final = (Place.INBOX, Place.SKIPPED, Place.HELD)
"""Where a mail to ourselves may lie: a running service files it."""


class AccountProbe:
    """The probes of one mailbox of kind imap."""

    def __init__(
        self,
        settings: MailboxSettings,
        office: Office,
        *,
        secrets: Secrets,
        state: Path,
        clock: Clock,
    ) -> None:
        """``state`` holds the token cache.

        Raises:
            ConfigError: nobody can sign in with these settings.
        """
        self._settings = settings
        self._office = office
        self._clock = clock
        sign_in = SignIn(sign_in_method(settings, secrets=secrets, state=state, clock=clock), clock)
        self._line = Line(settings.imap, sign_in, clock)
        self._folders = Folders(settings.imap)
        self._submission = Submission(settings=settings.smtp, sign_in=sign_in)
        self._server_time: datetime | None = None

    def run(self, *, send: bool, box: Path) -> Iterator[Probe]:
        """Each probe as soon as it is done.

        Args:
            send: also mail ourselves and find it again.
            box: the state directory of this box, by which its own claim is known.
        """
        smtp = self._settings.smtp
        if is_online(smtp.host) and self._settings.sign_in.method == "password":
            yield Probe(name="online", state="warn", found="smtp_auth")
        signed = tried("imap", self._imap)
        yield signed
        for name, act in (
            ("folders", self._folders_there),
            ("draft", self._draft),
            ("claim", partial(self._claim, box)),
        ):
            yield tried(name, act) if signed.state != "failed" else skipped(name, "not_signed_in")
        if signed.found == "refused":
            # The same wrong password once more locks accounts.
            sending = skipped("smtp", "refused_already")
        else:
            sending = tried("smtp", self._smtp)
        yield sending
        if not send:
            yield skipped("round_trip", "not_asked")
        elif signed.state == sending.state == "ok":
            yield tried("round_trip", self._round_trip)
        else:
            yield skipped("round_trip", "not_yet")
        self._line.close()

    def _imap(self) -> Probe:
        self._line.run(lambda client: client.noop())
        imap = self._settings.imap
        values = (
            ("server", imap.host),
            ("security", imap.security),
            ("offered", ", ".join(one for one in _SHOWN if self._line.can(one)) or "-"),
            ("seconds", f"{self._settings.poll_seconds:g}"),
        )
        found = "polled" if imap.idle and not self._line.can("IDLE") else "signed_in"
        return Probe(name="imap", state="ok", found=found, values=values)

    def _folders_there(self) -> Probe:
        known = self._line.run(self._folders.known)
        there = [known[place] for place in _OURS.values() if place in known]
        missing = [word for word, place in _OURS.items() if place not in known]
        return Probe(
            name="folders",
            state="ok",
            found="folders_missing" if missing else "folders_there",
            values=(("there", ", ".join(there) or "-"), ("missing", ", ".join(missing))),
        )

    def _draft(self) -> Probe:
        note = self._note("draft")

        def act(client: IMAPClient) -> bool:
            self._folders.select(client, Place.DRAFTS)
            folder = self._folders.name(client, Place.DRAFTS)
            client.append(folder, compose(note), flags=(b"\\Draft", b"\\Seen"))
            client.noop()
            found = holding(client, "Message-ID", note.id)
            if found:
                self._server_time = stored(client.fetch(found, ["INTERNALDATE"])[found[-1]])
            remove(client, found)
            return bool(found)

        if self._line.run(act):
            return Probe(name="draft", state="ok", found="draft")
        return Probe(name="draft", state="warn", found="draft_lost")

    def _claim(self, box: Path) -> Probe:
        try:
            ours = known_box(box)
        except PermissionError:
            return skipped("claim", "box_unknown")
        claims = self._line.run(lambda client: claims_on(client, self._folders))
        # The server's own time: the clock of a board may be wrong.
        now = self._server_time or self._clock.now()
        alive = [one for one in claims if now - one.written < LEASE]
        for one in alive:
            if one.box != ours:
                minutes = max(0, int((now - one.written).total_seconds()) // 60)
                values = (("host", one.host), ("minutes", str(minutes)))
                return Probe(name="claim", state="warn", found="claimed", values=values)
        return Probe(name="claim", state="ok", found="ours" if alive else "unclaimed")

    def _smtp(self) -> Probe:
        offered = self._submission.probe(self._office.addresses[0])
        smtp = self._settings.smtp
        shown = [one for one in ("8BITMIME", "SMTPUTF8", "PIPELINING") if one in offered]
        values = (
            ("server", smtp.host),
            ("security", smtp.security),
            ("offered", ", ".join(shown) or "-"),
        )
        return Probe(name="smtp", state="ok", found="sender_accepted", values=values)

    def _round_trip(self) -> Probe:
        note = self._note("check")
        begun = self._clock.steady()
        self._submission.send(note, lambda: None)
        head = self._awaited(note.id, begun)
        if head is None:
            seconds = ("seconds", f"{ROUND_TRIP.total_seconds():g}")
            return Probe(name="round_trip", state="failed", found="lost", values=(seconds,))
        copied = self._line.run(lambda client: self._server_copied(client, note.id))
        took = self._clock.steady() - begun
        learned = [("sent_copy", "server" if copied else "append")]
        named = authserv_id(head)
        if named:
            learned.append(("authserv_id", named))
        right = copied == (self._settings.smtp.sent_copy == "server")
        return Probe(
            name="round_trip",
            state="ok" if right else "warn",
            found="came_back" if right else ("copied" if copied else "not_copied"),
            values=(("seconds", f"{took:.1f}"),),
            learned=tuple(learned),
        )

    def _awaited(self, message_id: MessageId, begun: float) -> bytes | None:
        pause = threading.Event()
        while self._clock.steady() - begun < ROUND_TRIP.total_seconds():
            head = self._line.run(lambda client: self._take(client, message_id))
            if head is not None:
                return head
            pause.wait(_LOOK_SECONDS)
        return None

    def _take(self, client: IMAPClient, message_id: MessageId) -> bytes | None:
        """The header of the mail to ourselves, which is removed."""
        known = self._folders.known(client)
        for place in _ARRIVES:
            if place not in known:
                continue
            self._folders.select(client, place)
            found = holding(client, "Message-ID", message_id)
            answer = client.fetch(found, [HEADER]) if found else {}
            # A running service may have moved it on in between.
            if head := next((one.get(b"BODY[HEADER]") for one in answer.values()), None):
                remove(client, found)
                return bytes(head)
        return None

    def _server_copied(self, client: IMAPClient, message_id: MessageId) -> bool:
        self._folders.select(client, Place.SENT)
        found = holding(client, "Message-ID", message_id)
        remove(client, found)
        return bool(found)

    def _note(self, what: str) -> Reply:
        address = self._office.addresses[0]
        domain = address.rpartition("@")[2]
        return Reply(
            id=MessageId(f"{what}.{os.urandom(8).hex()}.appliance@{domain}"),
            in_reply_to=None,
            references=(),
            sender=address,
            sender_name=self._office.name,
            recipient=address,
            recipient_name=self._office.name,
            subject="Mail appliance: a check of this mailbox",
            text="The mail appliance checks this mailbox and removes this mail by itself.\n",
            date=self._clock.now(),
            automatic=True,
            headers=(("Auto-Submitted", "auto-generated"), ("X-Mail-Appliance", "check")),
        )
