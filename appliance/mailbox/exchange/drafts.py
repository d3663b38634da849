"""A reply put into Drafts: every header and the text are ours, threaded as the server threads."""

import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from appliance.domain.draft import Reply
from appliance.domain.errors import ApplianceError, ReplyRefused
from appliance.domain.mail import Address, MessageId
from appliance.mailbox.clean import one_line
from appliance.mailbox.compose import MAX_REFERENCES, wire_address
from appliance.mailbox.exchange.elements import (
    Element,
    Property,
    every,
    field,
    first,
    id_of,
    item_id,
    item_ids,
    made,
    person,
)
from appliance.mailbox.exchange.faults import Busy, Fault, Gone, refusal
from appliance.mailbox.exchange.folders import Folders
from appliance.mailbox.exchange.items import MESSAGE_ID, TAGS
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.exchange.search import Search
from appliance.mailbox.mailstore import Ref, Tag
from appliance.mailbox.places import Place

_NAME: Final = re.compile(r"[!-9;-~]{1,70}")
_ID: Final = re.compile(r"[!-;=?-~]{1,900}")
_NEWLINE: Final = re.compile(r"\r\n|[\r\n\u0085\u2028\u2029]")
_STRUCTURE: Final = frozenset(
    """
    from to cc bcc subject date message-id in-reply-to references mime-version content-type
    content-transfer-encoding
    """.split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """One property of a draft: how it is named, and its element with the value."""

    uri: Element
    value: Element


class Drafts:
    """Makes and removes what lies in Drafts. Safe for threads."""

    def __init__(self, *, line: Line, folders: Folders, search: Search) -> None:
        self._line = line
        self._folders = folders
        self._search = search
        self._replies_taken = True
        self._leftovers: deque[Ref] = deque(maxlen=100)

    def draft(self, reply: Reply, tags: Mapping[Tag, str], original: Ref | None) -> Ref:
        """As ``MailStore.draft``; ReplyRefused where the server refuses an address."""
        try:
            ref, willing = None, True
            if original is not None and self._replies_taken:
                ref, willing = self._as_reply(reply, tags, original)
            if ref is None:
                ref = self.create(Place.DRAFTS, _whole(reply, tags))
                # A server that takes this one and not the other has no replies at all.
                self._replies_taken = self._replies_taken and willing
        except Fault as error:
            refused = refusal(error)
            if refused is None:
                raise
            raise refused from error
        return ref

    def remove(self, refs: list[Ref]) -> None:
        """As ``MailStore.remove``."""
        for at in range(0, len(refs), 100):
            body = made(
                "m:DeleteItem",
                item_ids(refs[at : at + 100]),
                DeleteType="HardDelete",
                SendMeetingCancellations="SendToNone",
                AffectedTaskOccurrences="AllOccurrences",
                SuppressReadReceipts="true",
            )
            for message in self._line.ask("DeleteItem", body):
                error = self._line.failure(message)
                if error is not None and not isinstance(error, Gone):
                    raise error

    def create(self, place: Place, item: Element) -> Ref:
        """Put an item into a folder, unsent."""

        def act(folder: Element) -> Element:
            body = made(
                "m:CreateItem",
                made("m:SavedItemFolderId", folder),
                made("m:Items", item),
                MessageDisposition="SaveOnly",
                SendMeetingInvitations="SendToNone",
            )
            return self._line.ask_one("CreateItem", body)

        items = first(self._folders.within(place, act), "m:Items")
        found = None if items is None or not len(items) else id_of(items[0])
        if found is None:
            raise Fault("")
        return Ref(found[0])

    def _as_reply(
        self, reply: Reply, tags: Mapping[Tag, str], original: Ref
    ) -> tuple[Ref | None, bool]:
        """A reply as the server makes it, then everything of ours over it.

        Returns the draft or, where it did not come about, None and whether it may another time.
        """
        self._tidy()
        answer = made(
            "t:ReplyToItem",
            made("t:Subject", text=one_line(reply.subject)),
            _people("t:ToRecipients", reply.recipient, reply.recipient_name),
            item_id(original, tag="t:ReferenceItemId"),
            made("t:NewBodyContent", text=_text(reply.text), BodyType="Text"),
        )
        try:
            ref = self.create(Place.DRAFTS, answer)
            # Until it is ours to the letter it quotes the mail and has no mark of ours.
            self._leftovers.append(ref)
            if self._overwritten(ref, reply, tags):
                self._leftovers.remove(ref)
                return ref, True
        except Fault as error:
            if isinstance(error, Busy) or refusal(error) is not None:
                raise
            self._tidy()
            return None, isinstance(error, Gone)
        self._tidy()
        return None, True

    def _tidy(self) -> None:
        """Remove what an earlier try left behind; where that fails, the next one tries again."""
        left = list(self._leftovers)
        if left:
            with suppress(ApplianceError):
                self.remove(left)
                for ref in left:
                    self._leftovers.remove(ref)

    def _overwritten(self, ref: Ref, reply: Reply, tags: Mapping[Tag, str]) -> bool:
        """Put ours over a reply the server made; False where it brought files of the mail along."""
        item = next(self._search.get([ref], lambda: [field("item:Attachments")]), None)
        found = None if item is None else id_of(item)
        if item is None or found is None or _has_files(item):
            return False
        parts = [*_schema(reply), *_properties(reply, tags)]
        sets = (made("t:SetItemField", one.uri, made("t:Message", one.value)) for one in parts)
        change = made("t:ItemChange", item_id(*found), made("t:Updates", *sets))
        body = made(
            "m:UpdateItem",
            made("m:ItemChanges", change),
            ConflictResolution="AlwaysOverwrite",
            MessageDisposition="SaveOnly",
            SuppressReadReceipts="true",
        )
        self._line.ask_one("UpdateItem", body)
        return True


def note(tags: Mapping[Property, str], subject: str, text: str) -> Element:
    """A mail to nobody, for people who look into a folder of ours."""
    return made(
        "t:Message",
        made("t:Subject", text=one_line(subject)),
        made("t:Body", text=_text(text), BodyType="Text"),
        *(one.with_value(value) for one, value in tags.items()),
        made("t:IsRead", text="true"),
    )


def _whole(reply: Reply, tags: Mapping[Tag, str]) -> Element:
    """A mail of its own, its parts in the order of the schema (MS-OXWSMSG §2.2.4.1)."""
    subject, body, answered, to, sender, references = _in_order(reply)
    return made(
        "t:Message",
        subject,
        body,
        *answered,
        *(one.value for one in _properties(reply, tags)),
        to,
        sender,
        made("t:IsRead", text="true"),
        *references,
    )


def _has_files(item: Element) -> bool:
    return any(len(one) for one in every(item, "t:Attachments"))


def _schema(reply: Reply) -> Iterator[_Part]:
    """What the schema has names for; its Message-ID some servers ignore and others protect."""
    subject, body, answered, to, sender, references = _in_order(reply)
    yield _Part(uri=field("item:Subject"), value=subject)
    yield _Part(uri=field("item:Body"), value=body)
    for one in answered:
        yield _Part(uri=field("item:InReplyTo"), value=one)
    yield _Part(uri=field("message:ToRecipients"), value=to)
    yield _Part(uri=field("message:From"), value=sender)
    for one in references:
        yield _Part(uri=field("message:References"), value=one)


def _in_order(
    reply: Reply,
) -> tuple[Element, Element, list[Element], Element, Element, list[Element]]:
    parent = () if reply.in_reply_to is None else (reply.in_reply_to,)
    return (
        made("t:Subject", text=one_line(reply.subject)),
        made("t:Body", text=_text(reply.text), BodyType="Text"),
        [made("t:InReplyTo", text=text) for text in _ids(parent)[:1]],
        _people("t:ToRecipients", reply.recipient, reply.recipient_name),
        person("t:From", _address(reply.sender), one_line(reply.sender_name)),
        [made("t:References", text=" ".join(_ids(reply.references)))]
        if _ids(reply.references)
        else [],
    )


def _properties(reply: Reply, tags: Mapping[Tag, str]) -> Iterator[_Part]:
    """What the schema has no name for, or servers do not take by it."""
    values: list[tuple[Property, str]] = [(MESSAGE_ID, f"<{reply.id}>")]
    values += [(TAGS[tag], value) for tag, value in tags.items()]
    for name, value in reply.headers:
        if _NAME.fullmatch(name) and name.lower() not in _STRUCTURE:
            values.append((Property(name=name.lower(), internet_header=True), one_line(value)))
    for one, value in values:
        yield _Part(uri=one.uri(), value=one.with_value(value))


def _ids(ids: tuple[MessageId, ...]) -> list[str]:
    """As they stand in a header: the first and the newest, those that can be written."""
    kept = ids if len(ids) <= MAX_REFERENCES else (ids[0], *ids[1 - MAX_REFERENCES :])
    return [f"<{one}>" for one in kept if _ID.fullmatch(one)]


def _people(tag: str, address: Address, name: str) -> Element:
    return made(tag, *person(tag, _address(address), one_line(name)))


def _address(address: Address) -> str:
    """An address as it goes over the wire, in ASCII where it can be; ReplyRefused: it is none."""
    with suppress(ReplyRefused):
        return wire_address(address, utf8=False)
    return wire_address(address, utf8=True)


def _text(text: str) -> str:
    """The text with the line ends of a mail."""
    return _NEWLINE.sub("\r\n", text)
