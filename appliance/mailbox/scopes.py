"""What a token of Microsoft is asked for: which service, and what may be done there.

From Microsoft's pages on the protocols, on EWS and on Graph permissions; no tenant was asked.
"""

from typing import Final, Literal

Service = Literal["mail", "ews", "graph"]
"""mail: IMAP and SMTP; ews: Exchange Web Services; graph: Microsoft Graph."""

# National clouds have servers, and so scopes, of their own.
_OUTLOOK: Final = {
    "login.partner.microsoftonline.cn": "https://partner.outlook.cn",
    "login.chinacloudapi.cn": "https://partner.outlook.cn",
    "login.microsoftonline.us": "https://outlook.office365.us",
}
_GRAPH: Final = {
    "login.partner.microsoftonline.cn": "https://microsoftgraph.chinacloudapi.cn",
    "login.chinacloudapi.cn": "https://microsoftgraph.chinacloudapi.cn",
    "login.microsoftonline.us": "https://graph.microsoft.us",
}
_EVERYWHERE: Final = "https://outlook.office365.com"
_RIGHTS: Final = {
    "mail": ("IMAP.AccessAsUser.All", "SMTP.Send"),
    "ews": ("EWS.AccessAsUser.All",),
    # Without .Shared a delegate reads only the mailbox that is the delegate's own.
    "graph": ("Mail.ReadWrite", "Mail.ReadWrite.Shared", "Mail.Send", "Mail.Send.Shared"),
}


def service_of(kind: str) -> Service:
    """What a mailbox of this kind (``MailboxSettings.kind``) has tokens for."""
    kinds: dict[str, Service] = {"exchange": "ews", "graph": "graph"}
    return kinds.get(kind, "mail")


def person_scopes(service: Service, host: str) -> list[str]:
    """What a person allows; ``host`` is that of the sign-in service."""
    resource = _resource(service, host)
    if service == "mail" and host not in _OUTLOOK:
        resource = "https://outlook.office.com"
    return [f"{resource}/{right}" for right in _RIGHTS[service]]


def application_scopes(service: Service, host: str) -> list[str]:
    """Whatever the tenant gave the application there; ``host`` as in ``person_scopes``."""
    return [f"{_resource(service, host)}/.default"]


def graph_endpoint(host: str) -> str:
    """The address of Graph in the cloud whose sign-in service is at ``host``."""
    return _resource("graph", host)


def _resource(service: Service, host: str) -> str:
    if service == "graph":
        return _GRAPH.get(host, "https://graph.microsoft.com")
    return _OUTLOOK.get(host, _EVERYWHERE)
