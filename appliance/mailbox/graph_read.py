"""Reads mails of a mailbox in Microsoft 365, and finds those of one thread."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from appliance.config.accounts import GraphSettings
from appliance.domain.errors import MailboxUnreachable
from appliance.domain.mail import Message
from appliance.domain.ports import Clock
from appliance.mailbox import graph_item
from appliance.mailbox.graph_answer import BAD_REQUEST, NOT_FOUND, Answer
from appliance.mailbox.graph_ask import Ask, literal, query, quoted
from appliance.mailbox.graph_folders import GraphFolders
from appliance.mailbox.graph_headers import is_mail, with_headers
from appliance.mailbox.graph_line import GraphLine
from appliance.mailbox.graph_list import at_once
from appliance.mailbox.mailstore import Mail, Ref, Spot, Tag
from appliance.mailbox.places import Place

_PERHAPS_GONE: Final = frozenset({BAD_REQUEST, NOT_FOUND})
_PERHAPS_NO_MIME: Final = _PERHAPS_GONE | {422, 500, 501}
_STUMBLED_OVER: Final = 500
_PATIENCE_SECONDS: Final = 900.0
"""For so long a mail that cannot be shown keeps back those after it: the server may be ill."""

_MOST_AILING: Final = 100
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)
_ANCESTORS: Final = 10
_THREAD: Final = frozenset({Place.INBOX, Place.HANDLED, Place.HELD, Place.SKIPPED, Place.SENT})
_OURS: Final = frozenset({Place.INBOX, Place.HANDLED, Place.HELD, Place.SKIPPED})
_TELLING: Final = query(
    {
        "$select": "id,internetMessageHeaders",
        "$expand": graph_item.expand(graph_item.tag_id(Tag.REPLY), graph_item.SIZE),
    }
)
_LYING: Final = "id,parentFolderId,receivedDateTime"


class GraphRead:
    """Reads; changes nothing. Safe for threads."""

    def __init__(
        self, settings: GraphSettings, *, line: GraphLine, folders: GraphFolders, clock: Clock
    ) -> None:
        self._most = settings.largest_mb * 1024 * 1024
        self._line = line
        self._folders = folders
        self._clock = clock
        self._ailing: dict[Ref, float] = {}

    def mails(self, refs: Iterable[Ref]) -> list[Mail]:
        """As ``MailStore.read``."""
        return [one for one in at_once(self._mail, refs) if one is not None]

    def there(self, refs: Iterable[Ref]) -> dict[Ref, str]:
        """As ``MailStore.keys``: the id, which stays the same wherever the mail is moved."""
        kept = list(refs)
        found = zip(kept, at_once(self._lying, kept), strict=True)
        return {ref: ref for ref, item in found if item is not None}

    def locate(self, key: str) -> Spot | None:
        """As ``MailStore.locate``."""
        item = self._lying(Ref(key)) if key else None
        place = None if item is None else self._folders.place(str(item.get("parentFolderId")))
        return Spot(ref=Ref(key), place=place) if place in _OURS else None

    def kin(self, message: Message, limit: int) -> list[tuple[Mail, Place]]:
        """As ``MailStore.kin``: by Exchange's own conversation, and by the ids it refers to."""
        found: dict[str, Mapping[str, Any]] = {}
        for one in self._conversation(message):
            found[one["id"]] = one
        parent = () if message.in_reply_to is None else (message.in_reply_to,)
        ids = dict.fromkeys((*reversed(message.references), *parent))
        for some in at_once(self._by_id, graph_item.bracketed(list(ids)[:_ANCESTORS])):
            found.update((one["id"], one) for one in some)
        found.pop(message.uid, None)
        lying = [
            (one, self._folders.place(str(one.get("parentFolderId")))) for one in found.values()
        ]
        newest = sorted(
            lying, key=lambda pair: graph_item.moment(pair[0]) or _LONG_AGO, reverse=True
        )
        chosen = {
            Ref(one["id"]): place for one, place in newest if place is not None and place in _THREAD
        }
        return [(mail, chosen[mail.ref]) for mail in self.mails(list(chosen)[:limit])]

    def item(self, ref: Ref, options: str) -> Mapping[str, Any] | None:
        """A mail with what ``options`` choose; None: it is gone."""
        answer = self._line.run(
            Ask(path=f"/messages/{quoted(ref)}", query=options), accept=_PERHAPS_GONE
        )
        return answer.json() if _there(answer) else None

    def _lying(self, ref: Ref) -> Mapping[str, Any] | None:
        return self.item(ref, query({"$select": "id,parentFolderId"}))

    def _mail(self, ref: Ref) -> Mail | None:
        item = self.item(ref, _TELLING)
        if item is None:
            return None
        reply = graph_item.prop(item, graph_item.tag_id(Tag.REPLY))
        if graph_item.size(item) > 2 * self._most:
            # The store counts otherwise than the wire: what is near the limit is fetched.
            return Mail(ref=ref, key=ref, raw=None, reply=reply)
        answer = self._line.run(
            Ask(path=f"/messages/{quoted(ref)}/$value", most=self._most), accept=_PERHAPS_NO_MIME
        )
        if answer.no_mime or (answer.good and answer.body == b"") or self._ails(ref, answer):
            # One such mail must not keep back all that came after it.
            return Mail(ref=ref, key=ref, raw=None, reply=reply)
        if not _there(answer):
            return None
        raw, headers = answer.body, item.get("internetMessageHeaders")
        if raw is not None and not is_mail(raw):
            raise MailboxUnreachable(
                "Microsoft Graph answers with something else than a mail. Check whether a proxy or "
                "a log-in page stands between."
            )
        if raw is not None and isinstance(headers, list):
            raw = with_headers(raw, [one for one in headers if isinstance(one, dict)])
        return Mail(ref=ref, key=ref, raw=raw, reply=reply)

    def _ails(self, ref: Ref, answer: Answer) -> bool:
        """Whether Graph has stumbled over this very mail for so long that it always will."""
        if answer.status != _STUMBLED_OVER or not answer.code:
            self._ailing.pop(ref, None)
            return False
        now = self._clock.steady()
        if len(self._ailing) >= _MOST_AILING:
            self._ailing.clear()
        return now - self._ailing.setdefault(ref, now) >= _PATIENCE_SECONDS

    def _conversation(self, message: Message) -> Sequence[dict[str, Any]]:
        item = self.item(Ref(message.uid), query({"$select": "conversationId"}))
        conversation = None if item is None else item.get("conversationId")
        if not isinstance(conversation, str) or not conversation:
            return ()
        return self._where(f"conversationId eq {literal(conversation)}")

    def _by_id(self, message_id: str) -> Sequence[dict[str, Any]]:
        return self._where(f"internetMessageId eq {literal(message_id)}")

    def _where(self, which: str) -> list[dict[str, Any]]:
        # Sorting by the server makes such a filter too complex for it.
        options = {"$select": _LYING, "$filter": which, "$top": "100"}
        return list(self._line.items(Ask(path="/messages", query=query(options))))


def _there(answer: Answer) -> bool:
    """Whether a mail was shown; an error that does not say that it is gone stays one."""
    if answer.good:
        return True
    if answer.gone:
        return False
    raise MailboxUnreachable(
        f"Microsoft Graph did not show a mail ({answer.status} {answer.code})."
    )
