"""The store of mails of an Exchange server, spoken to by EWS."""

from collections.abc import Sequence

from exchangelib import Q

from appliance.config.accounts import ExchangeSettings
from appliance.config.settings import MailboxSettings
from appliance.domain.ports import Clock
from appliance.mailbox import tls
from appliance.mailbox.exchange.drafts import Drafts, note
from appliance.mailbox.exchange.folders import Folders
from appliance.mailbox.exchange.line import Line, endpoint, limit_seconds
from appliance.mailbox.exchange.mails import Mails
from appliance.mailbox.exchange.marks import Marker
from appliance.mailbox.exchange.models import TAGS, register
from appliance.mailbox.exchange.search import Search
from appliance.mailbox.exchange.sending import Sending
from appliance.mailbox.exchange.stream import Bell, Listener
from appliance.mailbox.exchange.threads import Threads
from appliance.mailbox.exchange.wire import Wire, silence
from appliance.mailbox.gate import Gate
from appliance.mailbox.mailstore import Note, Ref, Tag, note_subject, note_text
from appliance.mailbox.places import Place
from appliance.mailbox.record import Recorder
from appliance.mailbox.signin import SignIn


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
    register()
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

    return EwsStore(
        settings=exchange,
        lines=(line(2), line(1), line(1)),
        gate=gate,
        clock=clock,
        limit_seconds=limit_seconds(exchange, sign_in),
    )


class EwsStore:
    """``MailStore`` over EWS; ``open_store`` builds it."""

    def __init__(
        self,
        *,
        settings: ExchangeSettings,
        lines: tuple[Line, Line, Line],
        gate: Gate,
        clock: Clock,
        limit_seconds: float,
    ) -> None:
        """``lines``: to ask, to send and to listen."""
        desk, sender, ear = self._lines = lines
        self._streaming = settings.streaming
        self.limit_seconds = limit_seconds
        self.drafts_prove = settings.send == "send_item"
        folders = Folders(settings, desk, clock)
        self._search = search = Search(desk, folders)
        mails = Mails(settings=settings, line=desk, folders=folders, search=search)
        self._drafts = drafts = Drafts(line=desk, folders=folders, search=search)
        self._bell = bell = Bell()
        self._listener = Listener(line=ear, gate=gate, clock=clock, bell=bell)
        # What one part alone has to do with is the method of that part.
        self.begin, self.changes = search.begin, search.changes
        self.read, self.keys = mails.read, mails.keys
        self.locate, self.move = mails.locate, mails.move
        self.mark, self.kin = Marker(desk, search).mark, Threads(search, mails).kin
        self.draft, self.remove = drafts.draft, drafts.remove
        self.send = Sending(way=settings.send, line=sender, gate=gate).send
        self.wake = bell.ring

    def tagged(self, place: Place, tag: Tag, value: str) -> Sequence[Ref]:
        condition, fields = Q(**{TAGS[tag]: value}), [TAGS[tag]]
        if tag is Tag.ORIGIN and place is Place.DRAFTS:
            # Of a reply that was begun and never finished the subject tells it.
            condition, fields = condition | Q(subject=value), [*fields, "subject"]
        return [
            Ref(item.id)
            for item in self._search.get(self._search.find(place, condition), fields)
            if value in {getattr(item, field) for field in fields}
        ]

    def notes(self) -> Sequence[Note]:
        box, host, beat = fields = [TAGS[tag] for tag in (Tag.BOX, Tag.HOST, Tag.BEAT)]
        refs = self._search.find(Place.CLAIM, None)
        return [
            Note(
                ref=Ref(item.id),
                box=getattr(item, box),
                host=getattr(item, host) or "",
                beat=getattr(item, beat) or "",
            )
            for item in self._search.get(refs, fields)
            if getattr(item, box)
        ]

    def leave_note(self, *, box: str, host: str, beat: str) -> None:
        tags = {TAGS[Tag.BOX]: box, TAGS[Tag.HOST]: host, TAGS[Tag.BEAT]: beat}
        item = note(tags, subject=note_subject(host), text=note_text(host))
        self._drafts.create(Place.CLAIM, item)

    def wait(self, seconds: float) -> bool:
        if self._streaming:
            self._listener.start()
        return self._bell.wait(seconds)

    def close(self) -> None:
        self._listener.stop()
        for line in self._lines:
            line.close()
