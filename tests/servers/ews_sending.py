"""How the EWS server sends, with the habits of its personality."""

import contextlib
from datetime import UTC, datetime
from threading import BrokenBarrierError
from xml.etree.ElementTree import Element

from tests.servers.ews_call import NOT_FOUND, Call
from tests.servers.ews_item import LAST_VERB, LAST_VERB_TIME, REPLIED, Item, Value
from tests.servers.ews_render import rendered
from tests.servers.ews_store import Folder
from tests.servers.ews_xml import Refusal, answer, children, refused, success, truth

GATHERING_SECONDS = 30.0


def send_item(call: Call) -> str:
    saving = truth(call.request.get("SaveItemToFolder", "false"))
    saved = next(children(call.request, "SavedItemFolderId"), None)
    messages = []
    for element in children(call.request, "ItemIds"):
        try:
            _send_one(call, element, saved, saving=saving)
        except Refusal as error:
            messages.append(refused(call.operation, error))
        else:
            messages.append(success(call.operation))
    # In a container of another name nobody looks for them.
    name = "ResponseMessages" if call.personality.send_item_answers else "Responses"
    return answer(call.operation, messages, name)


def _send_one(call: Call, element: Element, saved: Element | None, *, saving: bool) -> None:
    item = call.item(element)
    key = element.get("ChangeKey", "")
    if call.personality.checks_change_keys and key != item.change_key:
        if not key:
            raise Refusal("ErrorChangeKeyRequired", "A change key is required to send.")
        raise Refusal(
            "ErrorIrresolvableConflict",
            "The send or update operation could not be performed because the change key passed "
            "in the request does not match the current change key for the item.",
        )
    folder = None
    if saving:
        mailbox = call.store.mailboxes[item.folder.mailbox]
        folder = (
            call.folder(saved, "ErrorSavedItemFolderNotFound")
            if saved is not None
            else mailbox.distinguished["sentitems"]
        )
    if call.personality.send_item_files:
        send_draft(call, item, folder)
    else:
        check(call, item)
        call.store.post(item, rendered(item))


def check(call: Call, item: Item) -> None:
    """Refuse what certainly cannot be sent."""
    if not (item.to or item.cc or item.bcc):
        raise Refusal("ErrorInvalidRecipients", "At least one recipient isn't valid.")
    sender = item.author.address.lower() if item.author else ""
    allowed = call.caller.mailboxes | call.office.send_as_allowed
    if sender not in allowed or sender in call.office.send_as_denied:
        raise Refusal(
            "ErrorSendAsDenied",
            "The user account which was used to submit this request does not have the right to "
            "send mail on behalf of the specified sending account.",
        )


def smtp(call: Call, item: Item) -> None:
    """Hand the mail over; SMTP may refuse a recipient."""
    if any(box.address.lower() in call.office.refused_by_smtp for box in (*item.to, *item.cc)):
        raise Refusal("ErrorInvalidRecipients", "A recipient was refused.")
    item.sent = datetime.now(UTC)
    if not call.personality.keeps_message_id:
        item.message_id = f"<{call.store.fresh_number():032x}@mail.office.example.com>"
    call.store.post(item, rendered(item))


def send_draft(call: Call, item: Item, folder: Folder | None) -> None:
    """Send a saved item and move it to ``folder``, or delete it where that is None."""
    check(call, item)
    serial = call.personality.sends_serially
    with call.store.lock if serial else contextlib.nullcontext():
        _still_there(call, item)
        if not serial:
            _gather(call)
        if call.personality.clears_draft_first:
            item.draft = False
        smtp(call, item)
        with call.store.lock:
            if call.store.items.get(item.id) is not item:
                return
            item.draft, item.read = False, True
            if folder is None:
                call.store.delete(item)
            else:
                call.store.move(item, folder)
            _mark_answered(call, item)


def _still_there(call: Call, item: Item) -> None:
    if call.store.items.get(item.id) is not item:
        raise Refusal("ErrorItemNotFound", NOT_FOUND)
    if not item.draft and not call.personality.clears_draft_first:
        raise Refusal("ErrorInvalidOperation", "The item was sent already.")


def _gather(call: Call) -> None:
    """Where a test wants sends to meet in mid-flight, wait for the others."""
    barrier = call.office.gathering
    if barrier is not None:
        with contextlib.suppress(BrokenBarrierError):
            barrier.wait(GATHERING_SECONDS)


def send_new(call: Call, item: Item, folder: Folder | None) -> None:
    """Send what was never saved; its copy goes to ``folder``."""
    check(call, item)
    early = call.personality.copies_before_sending
    item.draft = False
    if folder is not None and early:
        item.sent = datetime.now(UTC)
        call.store.put(item, folder)
    smtp(call, item)
    if folder is not None and not early:
        call.store.put(item, folder)
    _mark_answered(call, item)


def _mark_answered(call: Call, item: Item) -> None:
    if not item.answers or not call.personality.marks_replied:
        return
    with call.store.lock:
        for each in list(call.store.items.values()):
            if each.search_key == item.answers and each.folder.mailbox == item.folder.mailbox:
                now = call.store.now().strftime("%Y-%m-%dT%H:%M:%SZ")
                each.extended[LAST_VERB] = Value(LAST_VERB, (REPLIED,))
                each.extended[LAST_VERB_TIME] = Value(LAST_VERB_TIME, (now,))
                call.store.touch(each, (str(LAST_VERB),))
