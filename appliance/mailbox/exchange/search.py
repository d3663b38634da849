"""What lies in a folder: its changes by synchronisation, its mails by a condition, mails by id."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, Final

from exchangelib import Account, Q
from exchangelib.items import ID_ONLY
from exchangelib.services import SyncFolderItems

from appliance.domain.errors import ApplianceError
from appliance.mailbox.exchange.faults import Fault, FolderGone, Gone
from appliance.mailbox.exchange.folders import Folders, named
from appliance.mailbox.exchange.items import LISTED, listed
from appliance.mailbox.exchange.line import Line
from appliance.mailbox.exchange.models import NamedFolder
from appliance.mailbox.mailstore import Begun, Changes, Listed, Ref, StateLost
from appliance.mailbox.places import Place

PAGE: Final = 512
"""No more changes are given at once (MS-OXWSSYNC §3.1.4.2)."""

GOT_AT_ONCE: Final = 100
_FOUND_AT_ONCE: Final = 500
_LONGEST_STATE: Final = 1_000_000
_CREATE, _UPDATE, _DELETE = SyncFolderItems.CREATE, SyncFolderItems.UPDATE, SyncFolderItems.DELETE

CORRUPT: Final = frozenset(
    """
    ErrorMimeContentConversionFailed ErrorMimeContentInvalid ErrorCorruptData ErrorItemCorrupt
    ErrorContentConversionFailed ErrorUnsupportedMimeConversion ErrorMessageSizeExceeded
    ErrorDataSizeLimitExceeded
    """.split()
)
"""What is wrong with one mail for good (or it is none, but a task), and not with the others."""

_ITS_OWN: Final = CORRUPT | {"ErrorInternalServerError"}
"""The last may be one mail's trouble for ever, or the server's for a moment."""


class Search:
    """Reads folders of one account. Safe for threads."""

    def __init__(self, line: Line, folders: Folders) -> None:
        self._line = line
        self._folders = folders

    def begin(self, place: Place, since: datetime) -> Begun:
        """As ``MailStore.begin``; one walk through the folder gives its state and its mails.

        A second walk with a condition would trust the server's filter, and its pages would slip
        whenever somebody moves a mail away meanwhile.
        """
        found, state = self._folders.within(place, _walked)
        lying: dict[Ref, Listed] = {}
        for kind, one in found:
            if kind == _DELETE:
                lying.pop(one.ref, None)
            elif one.received is None or one.received >= since:
                lying[one.ref] = one
        waiting = sorted(lying.values(), key=lambda one: (one.received or since, one.ref))
        return Begun(state=state, waiting=tuple(waiting))

    def changes(self, place: Place, state: str, limit: int) -> Changes:
        """As ``MailStore.changes``."""
        if not state or len(state) > _LONGEST_STATE:
            raise StateLost("There is no state of synchronisation to go on from.")
        # A state belongs to one folder: another one of the same name must not go on from it.
        folder = self._folders.name(place)

        def act(account: Account) -> Changes:
            return _changes(account, named(account, folder), state, max(1, min(limit, PAGE)))

        try:
            return self._line.run(act)
        except FolderGone as error:
            self._folders.forget()
            raise StateLost("The folder was deleted and made anew.") from error

    def get(self, refs: Sequence[Ref], fields: Sequence[str]) -> Iterator[Any]:
        """The items that are still there, in the order asked for."""
        for at in range(0, len(refs), GOT_AT_ONCE):
            for item in self.got(refs[at : at + GOT_AT_ONCE], fields):
                if not isinstance(item, ApplianceError):
                    yield item

    def got(self, refs: Sequence[Ref], fields: Sequence[str]) -> list[Any]:
        """Each item, or what was wrong with it alone; one request where nothing is."""
        try:
            return self._line.run(lambda account: self._fetched(account, refs, fields))
        except Fault as error:
            if error.code not in _ITS_OWN:
                raise
            if len(refs) == 1:
                return [error]
        # The library tells some troubles of one mail as if they were those of all.
        return [item for ref in refs for item in self.got([ref], fields)]

    def find(self, place: Place, condition: Q | None, newest: int | None = None) -> list[Ref]:
        """Mails of a folder that meet a condition, which the server may have ignored.

        Args:
            place: the folder.
            condition: what is asked for; None: everything.
            newest: give so many, the newest first; None: all, oldest first.
        """

        def act(folder: NamedFolder) -> list[Ref]:
            lying = folder.all() if condition is None else folder.filter(condition)
            order = "datetime_received" if newest is None else "-datetime_received"
            wanted = lying.order_by(order).values_list("id", flat=True)
            wanted.page_size = min(newest or _FOUND_AT_ONCE, _FOUND_AT_ONCE)
            hits = wanted if newest is None else wanted[:newest]
            return [Ref(self._line.checked(one)) for one in hits]

        return self._folders.within(place, act)

    def _fetched(self, account: Account, refs: Sequence[Ref], fields: Sequence[str]) -> list[Any]:
        """As ``got``; the folder is there for the fields alone."""
        ids, folder = [(ref, None) for ref in refs], named(account, "inbox")
        found: list[Any] = []
        for item in account.fetch(ids, folder=folder, only_fields=fields, chunk_size=len(ids)):
            error = self._line.translated(item) if isinstance(item, Exception) else None
            if error is not None and not (
                isinstance(error, Gone) or getattr(error, "code", "") in _ITS_OWN
            ):
                raise error
            found.append(item if error is None else error)
        if len(found) != len(refs):
            # Nobody could say which is which.
            raise Fault("")
        return found


def _walked(folder: NamedFolder) -> tuple[list[tuple[str, Listed]], str]:
    """Everything that happened in a folder since it was made, and the state after that."""
    changes = folder.sync_items(only_fields=LISTED, max_changes_returned=PAGE)
    return list(_told(changes)), folder.item_sync_state or ""


def _changes(account: Account, folder: NamedFolder, state: str, most: int) -> Changes:
    """One step of a synchronisation: the library's own generator goes on to the end."""
    service = SyncFolderItems(account=account)
    answer = list(
        service.call(
            folder=folder,
            shape=ID_ONLY,
            additional_fields=set(folder.normalize_fields(LISTED)),
            sync_state=state,
            ignore=None,
            max_changes_returned=most,
            sync_scope=None,
        )
    )
    found = list(_told(answer))
    return Changes(
        new=tuple(one for kind, one in found if kind == _CREATE),
        changed=tuple(one for kind, one in found if kind == _UPDATE),
        state=service.sync_state or "",
        more=service.includes_last_item_in_range is False,
    )


def _told(changes: Any) -> Iterator[tuple[str, Listed]]:
    """Create, update and delete with the mail; read flags are nobody's business here."""
    for kind, item in changes:
        one = listed(item) if kind in {_CREATE, _UPDATE, _DELETE} else None
        if one is not None:
            yield kind, one
