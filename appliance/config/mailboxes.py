"""What the tables of ``[[mailbox]]`` must say together: what each kind needs, no account twice."""

import re
from collections.abc import Callable
from ipaddress import ip_address
from typing import Final
from urllib.parse import SplitResult, urlsplit

from appliance.config.accounts import GraphSettings
from appliance.config.lines import Key
from appliance.config.settings import MailboxSettings
from appliance.config.tree import TreeReader

_SECRET_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_HOST: Final = re.compile(r"(?!-)[\w.-]+(?::\d{1,5})?|\[[0-9A-Fa-f:.]+\](?::\d{1,5})?")
_CHINA: Final = "partner.outlook.cn"
_ONLINE: Final = {
    "outlook.office365.com": "outlook.office365.com",
    "outlook.office.com": "outlook.office365.com",
    "smtp.office365.com": "outlook.office365.com",
    "graph.microsoft.com": "outlook.office365.com",
    "outlook.office365.us": "outlook.office365.us",
    "graph.microsoft.us": "outlook.office365.us",
    _CHINA: _CHINA,
    "microsoftgraph.chinacloudapi.cn": _CHINA,
}
"""One mailbox of Microsoft 365 is reached under several names: which of them are one place."""


def check_mailboxes(reader: TreeReader) -> None:
    """Refuse, in ``reader``, what the mailboxes lack or have twice."""
    _check_names(reader)
    accounts: set[tuple[str, str]] = set()
    for key, _name in reader.each("mailbox", "name"):
        place = key[:2]
        kind = reader.found(*place, "kind") or "folder"
        _KINDS[kind](reader, place)
        if kind != "folder":
            _check_sign_in(reader, place)
            _check_account(reader, place, kind, accounts)


def account_of(settings: MailboxSettings) -> tuple[str, str]:
    """What tells an account from another: the name of its service, and the address there.

    Two kinds of mailbox may name the same account of Microsoft 365. Not for folders.
    """
    match settings.kind:
        case "exchange":
            address = settings.exchange.mailbox or settings.sign_in.user
            return _account(settings.exchange.server, address)
        case "graph":
            return _account(settings.graph.endpoint, settings.graph.mailbox)
        case _:
            return _account(settings.imap.host, settings.sign_in.user)


def is_local(host: str) -> bool:
    """Whether a host is this very machine by its name or address; ``127.example.com`` is not."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def is_online(server: str) -> bool:
    """Whether a server, by name or address, is Exchange Online and no server of one's own."""
    return _host(server) in _ONLINE


def wrong_server(server: str) -> str:
    """What is wrong with the name or address of an Exchange server, or nothing."""
    if "://" in server:
        return wrong_address(server)
    return "" if _HOST.fullmatch(server) else "must be the name of a server or its whole address."


def wrong_address(address: str) -> str:
    """What is wrong with the address of a service, or nothing."""
    parts = _split(address)
    if parts is None or parts.scheme not in {"http", "https"} or not parts.hostname:
        return "must be an address that begins with https://."
    if "@" in parts.netloc:
        return "must hold no user name or password."
    if parts.scheme == "http" and not is_local(parts.hostname):
        return "must begin with https://: the sign-in would be readable."
    return ""


def _check_names(reader: TreeReader) -> None:
    """Names tell mailboxes apart; two intakes on one Maildir would answer its mail twice."""
    if reader.found("mailbox") == ():
        reader.refuse(("mailbox",), "must name at least one mailbox.")
    for setting in ("name", "path"):
        seen: set[object] = set()
        for key, value in reader.each("mailbox", setting):
            if value in seen:
                reader.refuse(key, "is used by another mailbox already.")
            seen.add(value)


def _check_folder(reader: TreeReader, place: Key) -> None:
    if reader.found(*place, "path") is None:
        reader.refuse((*place, "path"), "is missing: the directory of the Maildir.")


def _check_imap(reader: TreeReader, place: Key) -> None:
    """Passwords in the clear go to this machine alone."""
    for needed in (("imap", "host"), ("smtp", "host"), ("sign_in", "user")):
        _need(reader, (*place, *needed))
    for server in ("imap", "smtp"):
        if reader.found(*place, server, "security") == "none" and not is_local(
            reader.found(*place, server, "host") or ""
        ):
            reader.refuse(
                (*place, server, "security"),
                "must not be none: the password would be readable.",
            )


def _check_exchange(reader: TreeReader, place: Key) -> None:
    method = reader.found(*place, "sign_in", "method") or "password"
    user = reader.found(*place, "sign_in", "user") or ""
    mailbox = (*place, "exchange", "mailbox")
    if _need(reader, (*place, "exchange", "server")):
        _refuse(reader, (*place, "exchange", "server"), wrong_server)
    if method == "password":
        _need(reader, (*place, "sign_in", "user"))
    if method == "google":
        reader.refuse((*place, "sign_in", "method"), "must be password or microsoft for Exchange.")
    if not reader.found(*mailbox) and "@" not in user:
        reader.refuse(mailbox, "is missing: whoever signs in is not named by a mail address.")
    if _by_itself(reader, place) and reader.found(*place, "exchange", "access") != "impersonation":
        reader.refuse(
            (*place, "exchange", "access"),
            "must be impersonation: an application that signs in by itself has no mailbox.",
        )


def _check_graph(reader: TreeReader, place: Key) -> None:
    _need(reader, (*place, "graph", "mailbox"))
    if reader.found(*place, "sign_in", "method") != "microsoft":
        reader.refuse((*place, "sign_in", "method"), "must be microsoft for Graph.")
    if reader.found(*place, "graph", "endpoint") is not None:
        _refuse(reader, (*place, "graph", "endpoint"), wrong_address)


_KINDS: Final[dict[str, Callable[[TreeReader, Key], None]]] = {
    "folder": _check_folder,
    "imap": _check_imap,
    "exchange": _check_exchange,
    "graph": _check_graph,
}


def _need(reader: TreeReader, key: Key) -> bool:
    if not reader.found(*key):
        reader.refuse(key, "is missing.")
        return False
    return True


def _refuse(reader: TreeReader, key: Key, wrong: Callable[[str], str]) -> None:
    if sentence := wrong(str(reader.found(*key))):
        reader.refuse(key, sentence)


def _by_itself(reader: TreeReader, place: Key) -> bool:
    """The application signs in, no person."""
    method, flow = (reader.found(*place, "sign_in", name) for name in ("method", "flow"))
    return method == "microsoft" and flow in {"secret", "certificate"}


def _check_sign_in(reader: TreeReader, place: Key) -> None:
    method = reader.found(*place, "sign_in", "method") or "password"
    flow = reader.found(*place, "sign_in", "flow") or "device"
    needed = {
        "password": ("secret",),
        "google": ("client_id", "client_secret", "secret"),
        "microsoft": ("client_id", *(("secret",) if flow != "device" else ())),
    }[method]
    if method == "microsoft" and flow == "certificate":
        needed = (*needed, "thumbprint")
    for name in needed:
        if not reader.found(*place, "sign_in", name):
            reader.refuse((*place, "sign_in", name), f"is missing; {method} needs it.")
    for name in ("secret", "client_secret"):
        value = reader.found(*place, "sign_in", name)
        if value and not _SECRET_NAME.fullmatch(value):
            reader.refuse(
                (*place, "sign_in", name),
                "must be the name of a secret (letters, digits, - and _), never the secret itself.",
            )


def _check_account(
    reader: TreeReader, place: Key, kind: str, accounts: set[tuple[str, str]]
) -> None:
    """Adds the account of a mailbox to ``accounts``, where nobody named it before."""
    address = {
        "imap": ("sign_in", "user"),
        "graph": ("graph", "mailbox"),
        "exchange": ("exchange", "mailbox"),
    }[kind]
    if kind == "exchange" and not reader.found(*place, *address):
        address = ("sign_in", "user")
    server = {
        "imap": reader.found(*place, "imap", "host"),
        "graph": reader.found(*place, "graph", "endpoint") or GraphSettings().endpoint,
        "exchange": reader.found(*place, "exchange", "server"),
    }[kind]
    who = reader.found(*place, *address)
    if not server or not who:
        return
    account = _account(server, who)
    if account in accounts:
        reader.refuse(
            (*place, *address),
            "is used at this server by another mailbox already: both would answer its mail.",
        )
    accounts.add(account)


def _account(server: str, address: str) -> tuple[str, str]:
    host = _host(server)
    return _ONLINE.get(host, host), address.strip().lower()


def _host(server: str) -> str:
    """The bare name in a server's name or address."""
    parts = _split(server if "://" in server else f"//{server}")
    return ((parts.hostname if parts else "") or server).lower().rstrip(".")


def _split(address: str) -> SplitResult | None:
    try:
        return urlsplit(address)
    except ValueError:
        return None
