"""The folders of an IMAP account: as configured, as the server marks them, as usually called."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from appliance.config.accounts import ImapSettings
from appliance.mailbox.places import Place

_SPECIAL: Final = {Place.SENT: b"\\Sent", Place.DRAFTS: b"\\Drafts"}  # RFC 6154 §2
_USUAL: Final = {
    Place.SENT: (
        "Sent",
        "Sent Items",
        "Sent Messages",
        "Sent Mail",
        "已发送",
        "已发送邮件",
        "已发邮件",
        "寄件備份",
        "寄件备份",
        "Gesendet",
        "Gesendete Elemente",
    ),
    Place.DRAFTS: ("Drafts", "Draft", "草稿箱", "草稿", "草稿夹", "Entwürfe"),
}


class Folders:
    """Names of folders, learned from one LIST; what is missing is made and subscribed to."""

    def __init__(self, settings: ImapSettings) -> None:
        self._wanted = {
            Place.SENT: settings.sent,
            Place.DRAFTS: settings.drafts,
            Place.HANDLED: settings.handled,
            Place.HELD: settings.held,
            Place.SKIPPED: settings.skipped,
            Place.CLAIM: settings.claim,
        }
        self._names: dict[Place, str] = {}

    def known(self, client: IMAPClient) -> Mapping[Place, str]:
        """The folders that are there already, by place."""
        listed = client.list_folders()
        there = {name for _, _, name in listed}
        found = {Place.INBOX: "INBOX"}
        for place, wanted in self._wanted.items():
            name = _placed(client, wanted) if wanted else _marked(listed, place)
            if name is not None and name in there:
                found[place] = name
            elif wanted in there:
                found[place] = wanted
        return found

    def name(self, client: IMAPClient, place: Place) -> str:
        """The folder of a place, made where it is missing."""
        if place not in self._names:
            self._names = dict(self.known(client))
        if place not in self._names:
            wanted = self._wanted[place] or _USUAL[place][0]
            name = _placed(client, wanted)
            client.create_folder(name)
            with suppress(IMAPClientError):
                client.subscribe_folder(name)
            self._names[place] = name
        return self._names[place]

    def select(
        self, client: IMAPClient, place: Place, *, readonly: bool = False
    ) -> Mapping[bytes, Any]:
        """Open the folder of a place; somebody may have deleted or renamed it meanwhile."""
        try:
            return _selected(client, self.name(client, place), readonly)
        except IMAPClientAbortError:
            raise
        except IMAPClientError:
            self._names.clear()
            return _selected(client, self.name(client, place), readonly)

    def into(self, client: IMAPClient, place: Place, act: Callable[[str], object]) -> None:
        """Append, copy or move into the folder of a place, made anew where it is gone."""
        try:
            act(self.name(client, place))
        except IMAPClientAbortError:
            raise
        except IMAPClientError as error:
            if "TRYCREATE" not in str(error).upper():
                raise
            self._names.clear()
            act(self.name(client, place))


def remove(client: IMAPClient, uids: list[int]) -> None:
    """Delete mails of the open folder and nobody else's."""
    if not uids:
        return
    client.delete_messages(uids, silent=True)
    if client.has_capability("UIDPLUS"):
        client.uid_expunge(uids)
    elif set(client.search(["DELETED"])) <= set(uids):
        client.expunge()


def _selected(client: IMAPClient, name: str, readonly: bool) -> Mapping[bytes, Any]:  # noqa: FBT001
    answer: Mapping[bytes, Any] = client.select_folder(name, readonly=readonly)
    return answer


def _placed(client: IMAPClient, wanted: str) -> str:
    """A folder of ours in the personal namespace (RFC 2342), with the server's own separator."""
    prefix, separator = "", "/"
    if client.has_capability("NAMESPACE"):
        personal = client.namespace().personal
        if personal:
            prefix, separator = personal[0]
    name = wanted.replace("/", separator or "/")
    return name if name.startswith(prefix) else f"{prefix}{name}"


def _marked(listed: list[tuple[tuple[bytes, ...], bytes | None, str]], place: Place) -> str | None:
    mark = _SPECIAL[place].lower()
    for flags, _, name in listed:
        if any(flag.lower() == mark for flag in flags):
            return name
    usual = {each.casefold(): rank for rank, each in enumerate(_USUAL[place])}
    ranked = []
    for _, separator, name in listed:
        parts = name.split(separator.decode()) if separator else [name]
        last = parts[-1].casefold()
        if last in usual:
            ranked.append((usual[last], len(parts), name))
    return min(ranked)[2] if ranked else None
