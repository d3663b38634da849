"""A reply put into Drafts: every header and the text are ours, threaded as the server threads."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from exchangelib import Account, Body, Mailbox, Message, Q
from exchangelib.items import ALWAYS_OVERWRITE

from appliance.domain.draft import Reply
from appliance.domain.errors import ReplyRefused
from appliance.domain.mail import Address, MessageId
from appliance.mailbox.clean import one_line
from appliance.mailbox.compose import MAX_REFERENCES, wire_address
from appliance.mailbox.exchange.faults import Busy, Fault, Gone, refusal
from appliance.mailbox.exchange.folders import Folders
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.exchange.models import MESSAGE_ID, TAGS, NamedFolder, header
from appliance.mailbox.exchange.search import Search
from appliance.mailbox.mailstore import Ref, Tag
from appliance.mailbox.places import Place

_NAME: Final = re.compile(r"[!-9;-~]{1,70}")
_ID: Final = re.compile(r"[!-;=?-~]{1,900}")
_NEWLINE: Final = re.compile(r"\r\n|[\r\n\u0085\u2028\u2029]")
_FORBIDDEN: Final = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
"""What XML 1.0 (§2.2) cannot hold."""

_LONGEST_SUBJECT: Final = 255
"""Exchange takes no longer one."""

_STRUCTURE: Final = frozenset(
    """
    from to cc bcc subject date message-id in-reply-to references mime-version content-type
    content-transfer-encoding
    """.split()
)


class Drafts:
    """Makes and removes what lies in Drafts. Safe for threads."""

    def __init__(self, *, line: Line, folders: Folders, search: Search) -> None:
        self._line = line
        self._folders = folders
        self._search = search
        self._replies_taken = True

    def draft(self, reply: Reply, tags: Mapping[Tag, str], original: Ref | None) -> Ref:
        """As ``MailStore.draft``; ReplyRefused where the server refuses an address."""
        values, ref, willing = _values(reply, tags), None, True
        try:
            if original is not None and self._replies_taken:
                unfinished = _line(tags.get(Tag.ORIGIN) or reply.id)[:_LONGEST_SUBJECT]
                ref, willing = self._as_reply(unfinished, values, original)
            if ref is None:
                ref = self.create(Place.DRAFTS, {**values, "is_read": True})
                # A server that takes this one and not the other has no replies at all.
                self._replies_taken = self._replies_taken and willing
        except Fault as error:
            refused = refusal(error)
            if refused is None:
                raise
            raise refused from error
        return ref

    def remove(self, refs: Sequence[Ref]) -> None:
        """As ``MailStore.remove``."""
        for result in self._line.run(
            lambda account: account.bulk_delete([(ref, None) for ref in refs])
        ):
            with suppress(Gone):
                self._line.checked(result)

    def create(self, place: Place, values: Mapping[str, Any]) -> Ref:
        """Put a mail into a folder, unsent."""
        return self._folders.within(
            place, lambda folder: Ref(Message(folder=folder, **values).save().id)
        )

    def _as_reply(
        self, unfinished: str, values: Mapping[str, Any], original: Ref
    ) -> tuple[Ref | None, bool]:
        """A reply as the server makes it, then everything of ours over it.

        Until it is ours to the letter it quotes the mail, and only its subject, ``unfinished``,
        tells that we made it, and for which mail: an answer that gets lost leaves it behind.

        Returns the draft or, where it did not come about, None and whether it may another time.
        """

        def create(folder: NamedFolder) -> Ref:
            asked = Message(account=folder.account, id=original)
            answer = asked.create_reply(
                subject=unfinished, body=values["body"], to_recipients=values["to_recipients"]
            )
            return Ref(answer.save(folder).id)

        self.remove(self._called(unfinished))
        ref, willing = None, True
        try:
            ref = self._folders.within(Place.DRAFTS, create)
            if self._overwritten(ref, values):
                return ref, True
        except Fault as error:
            if isinstance(error, Busy) or refusal(error) is not None:
                raise
            willing = isinstance(error, Gone)
        self.remove(self._called(unfinished) if ref is None else [ref])
        return None, willing

    def _called(self, subject: str) -> list[Ref]:
        """The drafts with this subject; the server's word is not taken for it."""
        refs = self._search.find(Place.DRAFTS, Q(subject=subject))
        found = self._search.get(refs, ["subject"])
        return [Ref(item.id) for item in found if item.subject == subject]

    def _overwritten(self, ref: Ref, values: Mapping[str, Any]) -> bool:
        """Put ours over a reply the server made; False where it brought files of the mail along."""
        item = next(self._search.get([ref], ["attachments"]), None)
        if item is None or item.attachments:
            return False

        def save(account: Account) -> None:
            draft = Message(account=account, id=item.id, changekey=item.changekey, **values)
            draft.save(update_fields=list(values), conflict_resolution=ALWAYS_OVERWRITE)

        self._line.run(save)
        return True


def note(fields: Mapping[str, str], subject: str, text: str) -> dict[str, Any]:
    """A mail to nobody, for people who look into a folder of ours."""
    return {"subject": _line(subject), "body": _text(text), "is_read": True, **fields}


def _values(reply: Reply, tags: Mapping[Tag, str]) -> dict[str, Any]:
    """A reply by the fields of its model; what the schema has no name for is a property."""
    parent = _ids(() if reply.in_reply_to is None else (reply.in_reply_to,))
    references = _ids(reply.references)
    values: dict[str, Any] = {
        "subject": _line(reply.subject)[:_LONGEST_SUBJECT],
        "body": _text(reply.text),
        "to_recipients": [_person(reply.recipient, reply.recipient_name)],
        "author": _person(reply.sender, reply.sender_name),
        MESSAGE_ID: f"<{reply.id}>",
    }
    if parent:
        values["in_reply_to"] = parent
    if references:
        values["references"] = references
    values |= {TAGS[tag]: _FORBIDDEN.sub("", value) for tag, value in tags.items()}
    for name, value in reply.headers:
        if _NAME.fullmatch(name) and name.lower() not in _STRUCTURE:
            values[header(name)] = _line(value)
    return values


def _ids(ids: tuple[MessageId, ...]) -> str:
    """As they stand in a header: the first and the newest, those that can be written."""
    kept = ids if len(ids) <= MAX_REFERENCES else (ids[0], *ids[1 - MAX_REFERENCES :])
    return " ".join(f"<{one}>" for one in kept if _ID.fullmatch(one))


def _person(address: Address, name: str) -> Mailbox:
    """Somebody in a header, in ASCII where that can be; ReplyRefused: it is no address."""
    try:
        written = wire_address(address, utf8=False)
    except ReplyRefused:
        written = wire_address(address, utf8=True)
    return Mailbox(email_address=written, name=_line(name) or None)


def _line(text: str) -> str:
    return _FORBIDDEN.sub("", one_line(text))


def _text(text: str) -> Body:
    """The text with the line ends of a mail."""
    return Body(_FORBIDDEN.sub("", _NEWLINE.sub("\r\n", text)))
