"""What a mailbox at an Exchange server or in Microsoft 365 needs, and that no account is named twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from appliance.config.mailboxes import account_of, is_online, wrong_address, wrong_server
from appliance.config.settings import Settings
from appliance.config.toml import settings_from
from appliance.domain.errors import ConfigError

EXCHANGE = """[[mailbox]]
name = "desk"
office = "o"
kind = "exchange"
[mailbox.sign_in]
user = 'NORTHGATE\\svc-appliance'
secret = "desk"
[mailbox.exchange]
server = "mail.northgate.example"
mailbox = "desk@northgate.example"
"""
GRAPH = """[[mailbox]]
name = "cloud"
office = "o"
kind = "graph"
[mailbox.sign_in]
method = "microsoft"
client_id = "1"
tenant = "northgate.example"
flow = "certificate"
secret = "cloud"
thumbprint = "ab"
[mailbox.graph]
mailbox = "desk@northgate.example"
"""


def settings(text: str) -> Settings:
    return settings_from(text, "a.toml")


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        settings(text)
    return tuple(problem.partition("mailbox[")[2] for problem in caught.value.problems)


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new)


@pytest.mark.parametrize("text", [EXCHANGE, GRAPH])
def test_what_the_pages_advise_is_right(text: str) -> None:
    assert settings(text).mailbox[0].kind in {"exchange", "graph"}


def test_an_exchange_server_is_named_with_a_user_and_a_secret() -> None:
    bare = '[[mailbox]]\nname = "a"\noffice = "o"\nkind = "exchange"\n'
    assert problems(bare) == (
        "1].exchange.server is missing.",
        "1].sign_in.user is missing.",
        "1].exchange.mailbox is missing: whoever signs in is not named by a mail address.",
        "1].sign_in.secret is missing; password needs it.",
    )


def test_graph_needs_a_mailbox_and_an_application() -> None:
    bare = '[[mailbox]]\nname = "a"\noffice = "o"\nkind = "graph"\n'
    assert problems(bare)[:2] == (
        "1].graph.mailbox is missing.",
        "1].sign_in.method must be microsoft for Graph.",
    )


def test_a_user_with_an_address_is_a_mailbox_too() -> None:
    text = changed(EXCHANGE, "'NORTHGATE\\svc-appliance'", '"desk@northgate.example"')
    (mailbox,) = settings(changed(text, 'mailbox = "desk@northgate.example"\n', "")).mailbox
    assert account_of(mailbox) == ("mail.northgate.example", "desk@northgate.example")


def test_google_signs_in_to_no_exchange_server() -> None:
    text = changed(EXCHANGE, 'secret = "desk"', 'secret = "desk"\nmethod = "google"')
    assert "1].sign_in.method must be password or microsoft for Exchange." in problems(text)


def test_an_application_at_an_exchange_server_impersonates() -> None:
    text = changed(
        EXCHANGE,
        'secret = "desk"',
        'secret = "desk"\nmethod = "microsoft"\nclient_id = "1"\nflow = "secret"',
    )
    (problem,) = problems(text)
    assert problem.startswith("1].exchange.access must be impersonation")
    assert settings(text + 'access = "impersonation"\n')


@pytest.mark.parametrize(
    ("server", "sentence"),
    [
        ("http://mail.example.com/EWS/Exchange.asmx", "must begin with https://"),
        ("http://127.example.com/EWS/Exchange.asmx", "must begin with https://"),
        ("https://user:canary@mail.example.com/EWS", "must hold no user name or password."),
        ("http://127.0.0.1@mail.example.com/EWS", "must hold no user name or password."),
        ("ftp://mail.example.com", "must be an address that begins with https://."),
        ("https://", "must be an address that begins with https://."),
        ("https://[::1", "must be an address that begins with https://."),
        ("mail.example.com/EWS", "must be the name of a server or its whole address."),
        ("mail example", "must be the name of a server or its whole address."),
    ],
)
def test_a_server_that_would_be_spoken_to_in_the_clear_or_is_none_is_refused(
    server: str, sentence: str
) -> None:
    (problem,) = problems(changed(EXCHANGE, "mail.northgate.example", server))
    assert problem.startswith(f"1].exchange.server {sentence}")
    assert "canary" not in problem


@pytest.mark.parametrize(
    "server",
    [
        "mail.example.com",
        "mail.example.com:8443",
        "https://mail.example.com/EWS/Exchange.asmx",
        "http://127.0.0.1:8080/EWS/Exchange.asmx",
        "http://localhost/EWS/Exchange.asmx",
        "http://[::1]:81/EWS/Exchange.asmx",
        "[::1]:8443",
    ],
)
def test_names_and_whole_addresses_are_servers(server: str) -> None:
    assert wrong_server(server) == ""


@pytest.mark.parametrize(
    "endpoint",
    ["http://graph.example", "graph.example", "https://x@graph.example", "file:///etc/passwd"],
)
def test_graph_is_reached_by_tls_alone(endpoint: str) -> None:
    (problem,) = problems(GRAPH + f'endpoint = "{endpoint}"\n')
    assert problem.startswith("1].graph.endpoint must ")


def test_graph_on_this_machine_may_do_without_encryption() -> None:
    assert settings(GRAPH + 'endpoint = "http://127.0.0.1:9000"\n')


@given(st.text())
def test_any_text_is_an_address_or_none(text: str) -> None:
    assert wrong_address(text) == "" or wrong_address(text).startswith("must ")
    assert wrong_server(text) == "" or wrong_server(text).startswith("must ")
    assert isinstance(is_online(text), bool)


def second(text: str, name: str = "other") -> str:
    return text.replace('name = "desk"', f'name = "{name}"').replace(
        'name = "cloud"', f'name = "{name}"'
    )


TWICE = "is used at this server by another mailbox already: both would answer its mail."


@pytest.mark.parametrize(
    ("first", "then", "key"),
    [
        (EXCHANGE, EXCHANGE, "exchange.mailbox"),
        (EXCHANGE, EXCHANGE.replace("northgate.example", "NORTHGATE.example"), "exchange.mailbox"),
        (
            EXCHANGE,
            EXCHANGE.replace(
                "mail.northgate.example", "https://mail.northgate.example/EWS/Exchange.asmx"
            ),
            "exchange.mailbox",
        ),
        (
            EXCHANGE,
            EXCHANGE.replace("'NORTHGATE\\svc-appliance'", '"desk@northgate.example"').replace(
                'mailbox = "desk@northgate.example"\n', ""
            ),
            "sign_in.user",
        ),
        (GRAPH, GRAPH, "graph.mailbox"),
        (
            EXCHANGE.replace("mail.northgate.example", "outlook.office365.com"),
            GRAPH,
            "graph.mailbox",
        ),
    ],
)
def test_two_mailboxes_are_not_the_same_account(first: str, then: str, key: str) -> None:
    assert problems(first + second(then)) == (f"2].{key} {TWICE}",)


def test_a_mailbox_over_imap_and_over_graph_is_one_account() -> None:
    imap = """[[mailbox]]
name = "lines"
office = "o"
kind = "imap"
sign_in = { user = "desk@northgate.example", method = "microsoft", client_id = "1" }
imap = { host = "outlook.office365.com" }
smtp = { host = "smtp.office365.com" }
"""
    assert problems(GRAPH + imap) == (f"2].sign_in.user {TWICE}",)


@pytest.mark.parametrize(
    "then",
    [
        EXCHANGE.replace("desk@northgate.example", "shop@northgate.example"),
        EXCHANGE.replace("mail.northgate.example", "mail.qinghe.example"),
        GRAPH,
        GRAPH + 'endpoint = "https://graph.microsoft.us"\n',
    ],
)
def test_other_addresses_and_other_servers_are_other_accounts(then: str) -> None:
    assert len(settings(EXCHANGE + second(then)).mailbox) == 2


@pytest.mark.parametrize(
    ("server", "online"),
    [
        ("outlook.office365.com", True),
        ("https://Outlook.Office.com/EWS/Exchange.asmx", True),
        ("partner.outlook.cn", True),
        ("outlook.office365.com.example.com", False),
        ("mail.example.com", False),
        ("", False),
    ],
)
def test_exchange_online_is_known_by_its_names(server: str, *, online: bool) -> None:
    assert is_online(server) is online
