"""Tries out an account step by step: sign-in, folders, a draft, sending, a mail to itself."""

import os
import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

from imapclient import IMAPClient

from appliance.config.secrets import Secrets
from appliance.config.settings import MailboxSettings, Office
from appliance.domain.draft import Reply
from appliance.domain.errors import ApplianceError
from appliance.domain.mail import MessageId
from appliance.domain.ports import Clock
from appliance.mailbox.account import sign_in_method
from appliance.mailbox.compose import compose
from appliance.mailbox.folders import Folders, Place
from appliance.mailbox.line import Line
from appliance.mailbox.probes import Probe, State
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
        self._settings = settings
        self._office = office
        self._clock = clock
        sign_in = SignIn(sign_in_method(settings, secrets=secrets, state=state, clock=clock), clock)
        self._line = Line(settings.imap, sign_in, clock)
        self._folders = Folders(settings.imap)
        self._submission = Submission(settings=settings.smtp, sign_in=sign_in)

    def run(self, *, send: bool) -> Iterator[Probe]:
        """Each probe as soon as it is done; ``send``: also mail ourselves and find it again."""
        reached = {"imap": False, "smtp": False}
        for name, act in (
            ("imap", self._imap),
            ("folders", self._folders_there),
            ("draft", self._draft),
            ("smtp", self._smtp),
        ):
            if name in {"folders", "draft"} and not reached["imap"]:
                yield Probe(name=name, state="skipped", said="Nobody is signed in.")
                continue
            probe = _tried(name, act)
            if name in reached:
                reached[name] = probe.state != "failed"
            yield probe
        if not send:
            yield Probe(name="round_trip", state="skipped", said="Not asked for.")
        elif all(reached.values()):
            yield _tried("round_trip", self._round_trip)
        else:
            yield Probe(name="round_trip", state="skipped", said="It cannot be tried yet.")
        self._line.close()

    def _imap(self) -> Probe:
        self._line.run(lambda client: client.noop())
        shown = [one for one in _SHOWN if self._line.can(one)]
        imap = self._settings.imap
        said = f"Signed in at {imap.host} ({imap.security}); it offers {', '.join(shown) or '—'}."
        if imap.idle and not self._line.can("IDLE"):
            seconds = f"{self._settings.poll_seconds:g}"
            said += f" It does not announce new mail: the inbox is looked at every {seconds} s."
        return Probe(name="imap", state="ok", said=said)

    def _folders_there(self) -> Probe:
        known = self._line.run(self._folders.known)
        parts = [
            f"{word}: {known[place]}" if place in known else f"{word}: will be made"
            for word, place in _OURS.items()
        ]
        return Probe(name="folders", state="ok", said="; ".join(parts) + ".")

    def _draft(self) -> Probe:
        note = self._note("draft")

        def act(client: IMAPClient) -> bool:
            self._folders.select(client, Place.DRAFTS)
            folder = self._folders.name(client, Place.DRAFTS)
            client.append(folder, compose(note), flags=(b"\\Draft", b"\\Seen"))
            client.noop()
            found = holding(client, "Message-ID", note.id)
            _delete(client, found)
            return bool(found)

        if self._line.run(act):
            return Probe(name="draft", state="ok", said="A draft was put there and taken away.")
        return Probe(
            name="draft",
            state="warn",
            said="A draft was put there, but the server does not find it by its Message-ID; look "
            "into the Drafts folder and remove it. Drafts and sent mail may appear twice.",
        )

    def _smtp(self) -> Probe:
        offered = self._submission.probe(self._office.addresses[0])
        smtp = self._settings.smtp
        shown = [one for one in ("8BITMIME", "SMTPUTF8", "PIPELINING") if one in offered]
        said = f"Signed in at {smtp.host} ({smtp.security}), sender accepted"
        return Probe(name="smtp", state="ok", said=f"{said}; it offers {', '.join(shown) or '—'}.")

    def _round_trip(self) -> Probe:
        note = self._note("check")
        begun = self._clock.steady()
        self._submission.send(note, lambda: None)
        head = self._awaited(note.id, begun)
        if head is None:
            seconds = int(ROUND_TRIP.total_seconds())
            return Probe(
                name="round_trip",
                state="failed",
                said=f"The mail to ourselves left but did not come back within {seconds} s. Does "
                "the first of the office's addresses lead to this mailbox? Look into its spam "
                "folder, too.",
            )
        copied = self._line.run(lambda client: self._server_copied(client, note.id))
        took = self._clock.steady() - begun
        learned = [("sent_copy", "server" if copied else "append")]
        named = _authserv(head)
        if named:
            learned.append(("authserv_id", named))
        said = f"A mail to ourselves came back after {took:.1f} s."
        state: State = "ok"
        if copied != (self._settings.smtp.sent_copy == "server"):
            wanted = "server" if copied else "append"
            said += f' Set sent_copy = "{wanted}": that is what the server does.'
            state = "warn"
        return Probe(name="round_trip", state=state, said=said, learned=tuple(learned))

    def _awaited(self, message_id: MessageId, begun: float) -> bytes | None:
        pause = threading.Event()
        while self._clock.steady() - begun < ROUND_TRIP.total_seconds():
            head = self._line.run(lambda client: self._take(client, message_id))
            if head is not None:
                return head
            pause.wait(_LOOK_SECONDS)
        return None

    def _take(self, client: IMAPClient, message_id: MessageId) -> bytes | None:
        """The header of the mail to ourselves, which is removed; a running service may file it."""
        known = self._folders.known(client)
        for place in (Place.INBOX, Place.SKIPPED):
            if place not in known:
                continue
            self._folders.select(client, place)
            found = holding(client, "Message-ID", message_id)
            if found:
                answer = client.fetch(found[:1], [HEADER])[found[0]]
                _delete(client, found)
                return bytes(answer.get(b"BODY[HEADER]") or b"")
        return None

    def _server_copied(self, client: IMAPClient, message_id: MessageId) -> bool:
        self._folders.select(client, Place.SENT)
        found = holding(client, "Message-ID", message_id)
        _delete(client, found)
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


def _tried(name: str, act: Callable[[], Probe]) -> Probe:
    try:
        return act()
    except ApplianceError as error:
        return Probe(name=name, state="failed", said=str(error))


def _delete(client: IMAPClient, uids: list[int]) -> None:
    if uids:
        client.delete_messages(uids, silent=True)
        if set(client.search(["DELETED"])) <= set(uids):
            client.expunge()


def _authserv(head: bytes) -> str:
    """The authserv-id of the first Authentication-Results (RFC 8601 §2.2), or nothing."""
    unfolded = head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" ").decode("ascii", "replace")
    for line in unfolded.splitlines():
        name, _, value = line.partition(":")
        if name.strip().lower() == "authentication-results":
            words = value.partition(";")[0].split()
            return words[0] if words else ""
    return ""
