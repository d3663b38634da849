"""Operations of the EWS server that write: create, update, move, delete, attach."""

from xml.etree.ElementTree import Element

from tests.servers.ews_call import Call
from tests.servers.ews_content import (
    REPLIES,
    append,
    attachment_in,
    erase,
    write,
    write_all,
    write_reply,
)
from tests.servers.ews_fields import attachment_xml, item_id
from tests.servers.ews_item import Box, Item
from tests.servers.ews_reading import attachment_of
from tests.servers.ews_sending import send_draft, send_new
from tests.servers.ews_store import Folder
from tests.servers.ews_xml import (
    Refusal,
    SoapFault,
    child,
    children,
    local,
    path_of,
    tag_path,
)

MESSAGE_FLAGS = tag_path(0x0E07, "Integer")
UNSENT = 8
CONFLICT = (
    "The send or update operation could not be performed because the change key passed in the "
    "request does not match the current change key for the item."
)


def create_item(call: Call) -> str:
    disposition = call.request.get("MessageDisposition", "")
    if disposition not in {"SaveOnly", "SendOnly", "SendAndSaveCopy"}:
        raise Refusal("ErrorMessageDispositionRequired", "MessageDisposition is required.")
    saved = next(children(call.request, "SavedItemFolderId"), None)

    def one(element: Element) -> str:
        with call.store.lock:
            folder = _saved_in(call, saved, "drafts" if disposition == "SaveOnly" else "sentitems")
            item = _made(call, element, folder)
            if disposition == "SaveOnly":
                item.draft = not _said_sent(item)
                call.store.put(item, folder)
                return f"<m:Items><t:Message>{item_id(item)}{_attached(item)}</t:Message></m:Items>"
        send_new(call, item, folder if disposition == "SendAndSaveCopy" else None)
        return "<m:Items/>"

    return call.each(list(children(call.request, "Items")), one)


def _said_sent(item: Item) -> bool:
    """What is saved is a draft, in whatever folder, unless its flags say otherwise."""
    flags = item.extended.get(MESSAGE_FLAGS)
    return flags is not None and not int(flags.texts[0]) & UNSENT


def _attached(item: Item) -> str:
    inner = "".join(attachment_xml(each) for each in item.attachments)
    return f"<t:Attachments>{inner}</t:Attachments>" if inner else ""


def _saved_in(call: Call, saved: Element | None, otherwise: str) -> Folder:
    if saved is not None:
        return call.folder(saved, "ErrorSavedItemFolderNotFound")
    return call.store.mailboxes[call.caller.home].distinguished[otherwise]


def _made(call: Call, element: Element, folder: Folder) -> Item:
    item = call.store.new_item(folder)
    item.draft, item.read, item.from_me = True, True, True
    if local(element) in REPLIES:
        if not call.personality.replies:
            raise SoapFault("ErrorInvalidOperation", "Replies are not made here.")
        write_reply(call, item, element, call.item(child(element, "ReferenceItemId")))
    elif local(element) in {"Message", "Item"}:
        write_all(call, item, element)
    else:
        raise SoapFault("ErrorSchemaValidation", f"The element {local(element)} is not expected.")
    if item.author is None:
        item.author = Box("", call.caller.home or folder.mailbox)
    item.sender = item.sender or item.author
    if not item.message_id:
        host = item.author.address.rpartition("@")[2]
        item.message_id = f"<{item.search_key.hex()}@{host}>"
    return item


def update_item(call: Call) -> str:
    disposition = call.request.get("MessageDisposition", "SaveOnly")
    resolution = call.request.get("ConflictResolution", "AutoResolve")

    def one(element: Element) -> str:
        key = child(element, "ItemId")
        with call.store.lock:
            item = call.item(key)
            assert key is not None
            updates = list(children(element, "Updates"))
            _check_key(call, item, key.get("ChangeKey", ""), resolution, updates)
            touched = {_update(call, item, update) for update in updates}
            kind = "read" if touched == {"IsRead"} else "update"
            call.store.touch(item, touched, "read" if kind == "read" else "update")
            named = f"<m:Items><t:{item.element}>{item_id(item)}</t:{item.element}></m:Items>"
        conflicts = "<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>"
        if disposition == "SendAndSaveCopy":
            sent = next(children(call.request, "SavedItemFolderId"), None)
            folder = call.folder(sent) if sent is not None else None
            send_draft(call, item, folder or _sent_items(call, item))
            named = named if call.personality.names_sent_draft else "<m:Items/>"
        return named + conflicts

    return call.each(list(children(call.request, "ItemChanges")), one)


def _sent_items(call: Call, item: Item) -> Folder:
    return call.store.mailboxes[item.folder.mailbox].distinguished["sentitems"]


def _check_key(call: Call, item: Item, key: str, resolution: str, updates: list[Element]) -> None:
    """Refuse an update that was made in ignorance of another (AutoResolve: of the same property)."""
    if not call.personality.checks_change_keys or resolution == "AlwaysOverwrite":
        return
    if not key:
        raise Refusal("ErrorChangeKeyRequiredForWriteOperations", "A change key is required.")
    if key == item.change_key:
        return
    if resolution == "AutoResolve":
        told = int(key[len("CQAAABYAAAB") : -1]) if key.startswith("CQAAABYAAAB") else 0
        names = {_target(update) for update in updates}
        if not any(change > told and name in names for name, change in item.touched.items()):
            return
    raise Refusal("ErrorIrresolvableConflict", CONFLICT)


def _target(update: Element) -> str:
    path = next((found for each in update if (found := path_of(each)) is not None), None)
    if path is None:
        raise SoapFault("ErrorSchemaValidation", "An update names no property.")
    return str(path) if path.extended else path.uri.partition(":")[2]


def _update(call: Call, item: Item, update: Element) -> str:
    name = local(update)
    path = next((found for each in update if (found := path_of(each)) is not None), None)
    if path is None:
        raise SoapFault("ErrorSchemaValidation", "An update names no property.")
    if name == "DeleteItemField":
        return erase(item, path)
    value = next((inner for each in update if path_of(each) is None for inner in each), None)
    if value is None:
        raise Refusal("ErrorUpdatePropertyMismatch", "An update has no value.")
    if not path.extended and local(value) != path.uri.partition(":")[2]:
        # message:InternetMessageId and its like are called alike in both places.
        raise Refusal("ErrorUpdatePropertyMismatch", "The value is of another property.")
    return append(call, item, value) if name == "AppendToItemField" else write(call, item, value)


def move_item(call: Call) -> str:
    target = call.folder(next(children(call.request, "ToFolderId"), None), "ErrorToFolderNotFound")

    def one(element: Element) -> str:
        item = call.item(element)
        call.store.move(item, target)
        return f"<m:Items><t:{item.element}>{item_id(item)}</t:{item.element}></m:Items>"

    return call.each(list(children(call.request, "ItemIds")), one)


def delete_item(call: Call) -> str:
    kind = call.request.get("DeleteType", "")
    where = {"MoveToDeletedItems": "deleteditems", "SoftDelete": "recoverableitemsdeletions"}
    if kind not in {"HardDelete", *where}:
        raise SoapFault("ErrorSchemaValidation", "DeleteType is required.")

    def one(element: Element) -> str:
        item = call.item(element)
        if kind == "HardDelete":
            call.store.delete(item)
        else:
            box = call.store.mailboxes[item.folder.mailbox]
            call.store.move(item, box.distinguished[where[kind]])
        return ""

    return call.each(list(children(call.request, "ItemIds")), one)


def create_attachment(call: Call) -> str:
    parent = child(call.request, "ParentItemId")

    def one(element: Element) -> str:
        item = call.item(parent)
        made = attachment_in(element, f"{item.id}#{call.store.fresh_number()}")
        made.hidden = not call.personality.attaches
        item.parts.append(made)
        call.store.touch(item, ("Attachments",))
        root = f'RootItemId="{item.id}" RootItemChangeKey="{item.change_key}"'
        return (
            f'<m:Attachments><t:FileAttachment><t:AttachmentId Id="{made.id}" {root}/>'
            "</t:FileAttachment></m:Attachments>"
        )

    return call.each(list(children(call.request, "Attachments")), one)


def delete_attachment(call: Call) -> str:
    def one(element: Element) -> str:
        gone = attachment_of(call, element.get("Id", ""))
        item = next(item for item in call.store.items.values() if gone in item.attachments)
        item.attachments.remove(gone)
        call.store.touch(item, ("Attachments",))
        return f'<m:RootItemId RootItemId="{item.id}" RootItemChangeKey="{item.change_key}"/>'

    return call.each(list(children(call.request, "AttachmentIds")), one)
