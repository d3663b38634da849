"""The store of mails of an Exchange server, spoken to by EWS."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from appliance.config.settings import MailboxSettings
from appliance.domain.draft import Reply
from appliance.domain.mail import Message, MessageId
from appliance.domain.ports import Clock
from appliance.mailbox import tls
from appliance.mailbox.exchange.drafts import Drafts, note
from appliance.mailbox.exchange.elements import Property, id_of
from appliance.mailbox.exchange.folders import Folders
from appliance.mailbox.exchange.items import TAGS
from appliance.mailbox.exchange.line import Line, endpoint, limit_seconds
from appliance.mailbox.exchange.mails import Mails
from appliance.mailbox.exchange.marks import Marker
from appliance.mailbox.exchange.search import Search
from appliance.mailbox.exchange.sending import Sending
from appliance.mailbox.exchange.stream import Bell, Listener
from appliance.mailbox.exchange.threads import Threads
from appliance.mailbox.exchange.wire import Wire, silence
from appliance.mailbox.gate import Gate
from appliance.mailbox.mailstore import (
    Begun,
    Changes,
    Listed,
    Mail,
    Marks,
    Note,
    Ref,
    Spot,
    Tag,
)
from appliance.mailbox.places import Place
from appliance.mailbox.record import Recorder
from appliance.mailbox.signin import SignIn

_HOST: Final = Property(name="MailApplianceHost")
_BEAT: Final = Property(name="MailApplianceBeat")
_CONNECTIONS: Final = 2


def open_store(
    settings: MailboxSettings,
    *,
    sign_in: SignIn,
    clock: Clock,
    recorder: Recorder | None = None,
) -> "EwsStore":
    """The store; nothing is connected before it is used.

    Args:
        settings: of kind exchange.
        sign_in: who we are to the server.
        clock: the time.
        recorder: takes down every request and its answer.

    Raises:
        ConfigError: the server's address, the certificate file or the access make no sense.
    """
    silence()
    exchange = settings.exchange
    gate = Gate(clock)
    wire = Wire(
        url=endpoint(exchange),
        context=tls.context(exchange.ca_file),
        gate=gate,
        clock=clock,
        recorder=recorder,
    )

    def line(connections: int) -> Line:
        return Line(settings=exchange, sign_in=sign_in, wire=wire, connections=connections)

    desk = line(_CONNECTIONS)
    folders = Folders(exchange, desk, clock)
    search = Search(desk, folders)
    mails = Mails(settings=exchange, line=desk, folders=folders, search=search)
    sender = line(1)
    bell = Bell()
    return EwsStore(
        lines=(desk, sender),
        search=search,
        mails=mails,
        threads=Threads(search, mails),
        marker=Marker(desk, search),
        drafts=Drafts(line=desk, folders=folders, search=search),
        sending=Sending(way=exchange.send, line=sender, folders=folders, gate=gate),
        bell=bell,
        listener=Listener(line=line(1), folders=folders, gate=gate, clock=clock, bell=bell)
        if exchange.streaming
        else None,
        drafts_prove=exchange.send == "send_item",
        limit_seconds=limit_seconds(exchange, sign_in),
    )


@dataclass(kw_only=True)
class EwsStore:
    """``MailStore`` over EWS; ``open_store`` builds it."""

    lines: Sequence[Line]
    search: Search
    mails: Mails
    threads: Threads
    marker: Marker
    drafts: Drafts
    sending: Sending
    bell: Bell
    listener: Listener | None
    drafts_prove: bool
    limit_seconds: float

    def begin(self, place: Place, since: datetime) -> Begun:
        return self.search.begin(place, since)

    def changes(self, place: Place, state: str, limit: int) -> Changes:
        return self.search.changes(place, state, limit)

    def read(self, listed: Sequence[Listed]) -> Sequence[Mail]:
        return self.mails.read(listed)

    def keys(self, listed: Sequence[Listed]) -> Mapping[Ref, str]:
        return self.mails.keys(listed)

    def locate(self, key: str, message_id: MessageId | None) -> Spot | None:
        return self.mails.locate(key, message_id)

    def move(self, spot: Spot, to: Place) -> None:
        self.mails.move(spot, to)

    def mark(self, ref: Ref, marks: Marks) -> None:
        self.marker.mark(ref, marks)

    def kin(self, message: Message, limit: int) -> Sequence[tuple[Mail, Place]]:
        return self.threads.kin(message, limit)

    def draft(self, reply: Reply, tags: Mapping[Tag, str], original: Ref | None) -> Ref:
        return self.drafts.draft(reply, tags, original)

    def tagged(self, place: Place, tag: Tag, value: str) -> Sequence[Ref]:
        return list(self.search.tagged(place, tag, value))

    def send(self, ref: Ref, commit: Callable[[], None]) -> None:
        self.sending.send(ref, commit)

    def remove(self, refs: Sequence[Ref]) -> None:
        self.drafts.remove(list(refs))

    def notes(self) -> Sequence[Note]:
        box = TAGS[Tag.BOX]
        found: list[Note] = []
        for item in self.search.find(
            Place.CLAIM, None, lambda: [box.uri(), _HOST.uri(), _BEAT.uri()]
        ):
            there, its = id_of(item), box.of(item)
            if there is not None and its:
                host, beat = _HOST.of(item) or "", _BEAT.of(item) or ""
                found.append(Note(ref=Ref(there[0]), box=its, host=host, beat=beat))
        return found

    def leave_note(self, *, box: str, host: str, beat: str) -> None:
        item = note(
            {TAGS[Tag.BOX]: box, _HOST: host, _BEAT: beat},
            subject=f"Mail appliance {host} looks after this mailbox",
            text=(
                f"The mail appliance {host} answers the mail of this mailbox ({beat}). It renews "
                "this note by itself. A second appliance that finds it here keeps away.\n\n"
                f"邮件助手 {host} 负责答复此邮箱的邮件（{beat}）。此标记由其自动更新；"
                "另一台设备发现此标记后不会处理该邮箱。\n"
            ),
        )
        self.drafts.create(Place.CLAIM, item)

    def wait(self, seconds: float) -> bool:
        if self.listener is not None:
            self.listener.start()
        return self.bell.wait(seconds)

    def wake(self) -> None:
        self.bell.ring()

    def close(self) -> None:
        if self.listener is not None:
            self.listener.stop()
        for line in self.lines:
            line.close()
