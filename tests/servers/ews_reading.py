"""Operations of the EWS server that read: folders, items, changes and attachments."""

import secrets
from xml.etree.ElementTree import Element

from tests.servers.ews_call import NOT_FOUND, Call, SyncState
from tests.servers.ews_fields import attachment_xml, folder_xml, item_id
from tests.servers.ews_item import Attachment, Item
from tests.servers.ews_search import fits, fits_query, in_order, page
from tests.servers.ews_store import Change, Folder
from tests.servers.ews_xml import Refusal, SoapFault, child, children, text_in

MOST_CHANGES = 512
"""Changes of one SyncFolderItems at most."""


def convert_id(call: Call) -> str:
    """Ids are converted by nobody here; clients ask with a dummy to learn the version."""

    def refuse(_element: Element) -> str:
        raise Refusal("ErrorInvalidIdMalformed", "Id is malformed.")

    return call.each(list(children(call.request, "SourceIds")), refuse)


def get_folder(call: Call) -> str:
    def one(element: Element) -> str:
        folder = call.folder(element)
        return f"<m:Folders>{folder_xml(folder, len(call.store.inside(folder)))}</m:Folders>"

    return call.each(list(children(call.request, "FolderIds")), one)


def find_folder(call: Call) -> str:
    view = child(call.request, "IndexedPageFolderView")
    test = child(call.request, "Restriction")

    def one(element: Element) -> str:
        parent = call.folder(element)
        deep = call.request.get("Traversal") == "Deep"
        found = below(call, parent) if deep else call.store.inside(parent)
        if test is not None:
            wanted = _folder_name(test)
            found = [folder for folder in found if folder.name == wanted]
        shown, offset, last = _page(found, view)
        inner = "".join(folder_xml(each, len(call.store.inside(each))) for each in shown)
        return _root_folder(offset, len(found), last, f"<t:Folders>{inner}</t:Folders>")

    return call.each(list(children(call.request, "ParentFolderIds")), one)


def _folder_name(test: Element) -> str:
    """FindFolder is only asked for a DisplayName here."""
    uri = test.find(".//{*}FieldURI")
    constant = test.find(".//{*}Constant")
    if uri is None or constant is None or uri.get("FieldURI") != "folder:DisplayName":
        raise Refusal("ErrorUnsupportedPathForQuery", "Folders are found by name alone.")
    return constant.get("Value", "")


def _page(found: list[Folder], view: Element | None) -> tuple[list[Folder], int, bool]:
    offset = int(view.get("Offset", 0)) if view is not None else 0
    most = int(view.get("MaxEntriesReturned", 1000)) if view is not None else 1000
    shown = found[offset : offset + most]
    return shown, offset + len(shown), offset + len(shown) >= len(found)


def _root_folder(offset: int, total: int, last: bool, inner: str) -> str:
    return (
        f'<m:RootFolder IndexedPagingOffset="{offset}" TotalItemsInView="{total}" '
        f'IncludesLastItemInRange="{str(last).lower()}">{inner}</m:RootFolder>'
    )


def below(call: Call, folder: Folder) -> list[Folder]:
    found = []
    for each in call.store.inside(folder):
        found += [each, *below(call, each)]
    return found


def create_folder(call: Call) -> str:
    parent = call.folder(
        next(children(call.request, "ParentFolderId"), None), "ErrorParentFolderNotFound"
    )

    def one(element: Element) -> str:
        name = text_in(element, "DisplayName")
        if not name:
            raise Refusal("ErrorFolderSave", "A folder needs a name.")
        if any(each.name.lower() == name.lower() for each in call.store.inside(parent)):
            raise Refusal("ErrorFolderExists", "A folder with the specified name already exists.")
        folder_class = text_in(element, "FolderClass") or "IPF.Note"
        folder = call.store.create_folder(parent, name, folder_class)
        return (
            f'<m:Folders><t:Folder><t:FolderId Id="{folder.id}" ChangeKey="AQAAABYA"/>'
            "</t:Folder></m:Folders>"
        )

    return call.each(list(children(call.request, "Folders")), one)


def find_item(call: Call) -> str:
    shape = call.shape(listing=True)
    tests = list(children(call.request, "Restriction"))
    query = text_in(call.request, "QueryString") if call.personality.query_strings else ""
    if tests and query:
        raise Refusal("ErrorInvalidRestriction", "A restriction and a query string do not mix.")

    def one(element: Element) -> str:
        folder = call.folder(element)
        # Associated and soft-deleted items lie in no folder here.
        shallow = call.request.get("Traversal", "Shallow") == "Shallow"
        found = list(folder.items.values()) if shallow else []
        found = [item for item in found if all(fits(item, test) for test in tests)]
        if query:
            found = [item for item in found if fits_query(item, query)]
        found = in_order(found, child(call.request, "SortOrder"))
        shown, offset, last = page(found, child(call.request, "IndexedPageItemView"))
        items = "".join(call.office.fields.xml(item, shape) for item in shown)
        return _root_folder(offset, len(found), last, f"<t:Items>{items}</t:Items>")

    return call.each(list(children(call.request, "ParentFolderIds")), one)


def get_item(call: Call) -> str:
    shape = call.shape()

    def one(element: Element) -> str:
        return f"<m:Items>{call.office.fields.xml(call.item(element), shape)}</m:Items>"

    return call.each(list(children(call.request, "ItemIds")), one)


def get_attachment(call: Call) -> str:
    def one(element: Element) -> str:
        each = attachment_of(call, element.get("Id", ""))
        return f"<m:Attachments>{attachment_xml(each, with_content=True)}</m:Attachments>"

    return call.each(list(children(call.request, "AttachmentIds")), one)


def attachment_of(call: Call, key: str) -> Attachment:
    for item in call.store.items.values():
        if item.folder.mailbox in call.caller.mailboxes:
            for each in item.parts if key.startswith(item.id) else item.attachments:
                if each.id == key:
                    return each
    raise Refusal("ErrorItemNotFound", NOT_FOUND)


def sync_folder_items(call: Call) -> str:
    shape = call.shape(listing=True)
    most = int(text_in(call.request, "MaxChangesReturned") or 0)
    if call.personality.clips_pages:
        most = min(most, MOST_CHANGES)
    if not 1 <= most <= MOST_CHANGES:
        raise SoapFault(
            "ErrorSchemaValidation", f"MaxChangesReturned is {most}; 1 to {MOST_CHANGES} will do."
        )

    def one(element: Element) -> str:
        folder = call.folder(element, "ErrorSyncFolderNotFound")
        key = text_in(call.request, "SyncState")
        state = _state(call, folder, key)
        changes: list[str] = []
        pending = list(state.pending)
        while pending and len(changes) < most:
            item = pending.pop(0)
            if folder.items.get(item.id) is item:
                changes.append(f"<t:Create>{call.office.fields.xml(item, shape)}</t:Create>")
        position = state.position
        if not pending:
            position, further = _logged(call, folder, position, most - len(changes))
            changes += further
        moved = (position, len(pending)) != (state.position, len(state.pending))
        if moved or key not in call.office.states:
            key = secrets.token_urlsafe(24)
            call.office.states[key] = SyncState(
                folder=folder, pending=tuple(pending), position=position
            )
        last = not pending and position == len(folder.log)
        return (
            f"<m:SyncState>{key}</m:SyncState>"
            f"<m:IncludesLastItemInRange>{str(last).lower()}</m:IncludesLastItemInRange>"
            f"<m:Changes>{''.join(changes)}</m:Changes>"
        )

    return call.each(list(children(call.request, "SyncFolderId")), one)


def _state(call: Call, folder: Folder, key: str) -> SyncState:
    state = call.office.states.get(key)
    if state is not None and state.folder is folder:
        return state
    if key and call.personality.refuses_states:
        raise Refusal("ErrorInvalidSyncStateData", "The sync state data is corrupt.")
    newest_first = call.personality.newest_first
    waiting = sorted(folder.items.values(), key=lambda item: item.received, reverse=newest_first)
    return SyncState(folder=folder, pending=tuple(waiting), position=len(folder.log))


def _logged(call: Call, folder: Folder, position: int, most: int) -> tuple[int, list[str]]:
    """What the log says from a position on, as changes, and the position behind that."""
    told: list[str] = []
    seen: dict[str, bool] = {}
    while position < len(folder.log) and len(told) < most:
        change = folder.log[position]
        position += 1
        xml = _change(call, change, folder.items.get(change.item_id), seen)
        if xml:
            told.append(xml)
    return position, told


def _change(call: Call, change: Change, item: Item | None, seen: dict[str, bool]) -> str:
    """One change of the log as it is now; ``seen``: items met in this answer, True: created."""
    fresh = seen.get(change.item_id)
    if change.kind == "delete":
        gone = f'<t:ItemId Id="{change.item_id}" ChangeKey="{change.change_key}"/>'
        return "" if fresh else f"<t:Delete>{gone}</t:Delete>"
    if fresh is not None or item is None:
        seen.setdefault(change.item_id, change.kind == "create")
        return ""
    if change.kind == "read":
        flag = f"<t:IsRead>{str(item.read).lower()}</t:IsRead>"
        return f"<t:ReadFlagChange>{item_id(item)}{flag}</t:ReadFlagChange>"
    seen[change.item_id] = change.kind == "create"
    name = "Create" if change.kind == "create" else "Update"
    xml = call.office.fields.xml(item, call.shape(listing=True))
    return f"<t:{name}>{xml}</t:{name}>"
