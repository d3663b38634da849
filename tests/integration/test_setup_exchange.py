"""``appliance setup`` for Exchange and Microsoft 365, at the servers of the tests."""

import os
import re
import stat
import subprocess
import sys
import threading
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from appliance.config.settings import MailboxSettings
from appliance.config.toml import load_office, load_settings
from tests.dialogue import ROOT, SetupDialogue
from tests.servers.oauth import CLIENT, TENANT
from tests.store_site import (
    CLIENT_SECRET,
    DESK,
    OTHER,
    PASSWORD,
    USER,
    StoreSite,
    store_site,
)

SIGN_IN_SERVICE: Final = (
    "Address of the sign-in service (Enter: the usual; a national cloud has its own)"
)
AUTHORITY: Final = "Certificate of your own authority, a PEM file (Enter: not needed)"
CLOSED: Final = "Another mailbox that must stay closed to this sign-in, to try that (Enter: none)"
WRONG: Final = "canary-wrong-56"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    box = tmp_path / "box"
    box.mkdir()
    return box / "appliance.toml"


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[StoreSite]:
    with store_site("Exchange", tmp_path) as site:
        yield site


@pytest.fixture
def grommunio(tmp_path: Path) -> Iterator[StoreSite]:
    with store_site("grommunio", tmp_path, schemes=("basic",)) as site:
        yield site


@pytest.fixture
def graph(tmp_path: Path) -> Iterator[StoreSite]:
    with store_site("Graph", tmp_path) as site:
        yield site


def to_the_server(talk: SetupDialogue, site: StoreSite) -> None:
    """From the start to the questions about an Exchange server."""
    assert site.ews is not None
    talk.begins()
    talk.answers("Mail address of the mailbox", DESK)
    talk.chooses("Who keeps the mail of {domain}?", "Exchange", domain="office.example.com")
    talk.answers("Exchange server, its name or the whole address of its EWS", site.ews.url)
    talk.answers(AUTHORITY, site.ews.ca_file)


def by_password(
    talk: SetupDialogue, password: str, *, auth: str = "", user: str = USER, other: str = ""
) -> None:
    """From the choice of the sign-in to where it is tried out."""
    talk.chooses("How is the password shown to the server?", auth)
    talk.answers("User name (DOMAIN\\user or user@domain)", user)
    talk.answers("Password", password)
    talk.answers("Address of the mailbox to answer")
    talk.chooses("Which right does this user have?")
    talk.answers(CLOSED, other)


def written(config: Path) -> MailboxSettings:
    (mailbox,) = load_settings(config).mailbox
    return mailbox


def checked(config: Path, **more: str) -> str:
    """What ``appliance check`` says of what was written."""
    ended = subprocess.run(
        [sys.executable, "-m", "appliance", "--config", str(config), "check"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "APPLIANCE_LANGUAGE": "en", **more},
    )
    return ended.stdout


@pytest.mark.parametrize("auth", ["ntlm", "basic"])
def test_an_exchange_server_of_ones_own_is_connected(
    config: Path, exchange: StoreSite, auth: str
) -> None:
    talk = SetupDialogue(config)
    to_the_server(talk, exchange)
    by_password(talk, WRONG, auth=auth)
    talk.sees("Access was refused. {reason}", reason="")
    talk.answers("Not everything works. Change the answers and try again?")
    talk.answers("Mail address of the mailbox")
    talk.answers("Exchange server, its name or the whole address of its EWS")
    talk.answers(AUTHORITY)
    by_password(talk, PASSWORD, other=OTHER)
    talk.sees("{other} is refused, as it should be.", other=OTHER)
    talk.sees("The server sends by {send}, and files what it sent.", send="send_item")
    talk.answers("Write the configuration now?")
    shown = talk.ends(0)

    assert [secret for secret in (PASSWORD, WRONG) if secret in shown] == []
    mailbox = written(config)
    assert mailbox.kind == "exchange"
    assert (mailbox.exchange.auth, mailbox.exchange.send) == (auth, "send_item")
    assert (mailbox.exchange.mailbox, mailbox.exchange.access) == (DESK, "delegate")
    assert (config.parent / "secrets" / "desk").read_text() == PASSWORD
    assert load_office(mailbox.office).addresses == (DESK,)
    assert "[X]" not in checked(config)
    for folder in ("Inbox", "Drafts", "Sent Items"):
        assert exchange.lying(folder) == []


def test_what_grommunio_honours_is_found_out_and_written(
    config: Path, grommunio: StoreSite
) -> None:
    talk = SetupDialogue(config)
    to_the_server(talk, grommunio)
    by_password(talk, PASSWORD, auth="basic")
    talk.sees("The server sends by {send}, and files what it sent.", send="update_item")
    talk.sees("The server sends by update_item, as grommunio does; that is written down.")
    talk.answers("Write the configuration now?")
    assert "[!]" not in talk.ends(0)
    assert written(config).exchange.send == "update_item"


def test_it_speaks_chinese_about_exchange(config: Path, exchange: StoreSite) -> None:
    talk = SetupDialogue(config, language="zh-Hans")
    to_the_server(talk, exchange)
    by_password(talk, PASSWORD, other=OTHER)
    talk.answers("Write the configuration now?", "是")
    shown = talk.ends(0)
    for english in ("Exchange server", "mailbox", "Password", "refused", "sends", "draft", "right"):
        assert english not in shown.replace(str(config.parent.parent), "")


def test_an_authority_in_another_form_than_is_read_is_asked_for_again(
    config: Path, exchange: StoreSite
) -> None:
    assert exchange.ews is not None
    assert exchange.ews.ca_file is not None
    binary = config.parent.parent / "authority.cer"
    pem = x509.load_pem_x509_certificate(exchange.ews.ca_file.read_bytes())
    binary.write_bytes(pem.public_bytes(serialization.Encoding.DER))
    talk = SetupDialogue(config)
    talk.begins()
    talk.answers("Mail address of the mailbox", DESK)
    talk.chooses("Who keeps the mail of {domain}?", "Exchange", domain="office.example.com")
    talk.answers("Exchange server, its name or the whole address of its EWS", exchange.ews.url)
    talk.answers(AUTHORITY, config.parent / "nowhere.pem")
    talk.sees("There is no such file.")
    talk.answers(AUTHORITY, binary)
    talk.sees("Windows calls that form Base-64 encoded X.509.")
    talk.answers(AUTHORITY)
    talk.sees("It is tried once more after the questions; then every answer can be changed.")
    talk.sees("How is the password shown to the server?")
    talk.child.sendintr()
    talk.ends(130)


def test_exchange_online_is_told_what_ends_and_offered_graph(config: Path) -> None:
    talk = SetupDialogue(config)
    talk.begins()
    talk.answers("Mail address of the mailbox", DESK)
    talk.chooses("Who keeps the mail of {domain}?", "Exchange", domain="office.example.com")
    question = "Exchange server, its name or the whole address of its EWS"
    for wrong in ("http://mail.example.com/EWS", "mail example", "https://u:p@mail.example.com"):
        talk.answers(question, wrong)
        talk.sees("This is no name of a server, and no address that begins with https://.")
    talk.answers(question, "outlook.office365.com")
    talk.sees(
        "unless EWSEnabled is set and the application is in EWSAllowedAppIDs; on 2027-04-01 EWS"
    )
    talk.answers("Use Microsoft Graph instead?")
    talk.answers("Address of the mailbox in Microsoft 365")
    talk.answers("Application (client) id", CLIENT)
    talk.sees("Tenant id or domain [office.example.com]")
    talk.child.sendintr()
    talk.ends(130)
    assert list(config.parent.iterdir()) == []


class _Basic(BaseHTTPRequestHandler):
    """A server that offers the password in the clear alone, as grommunio does."""

    def do_GET(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="EWS"')
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent."""


def test_the_sign_in_that_the_server_offers_is_proposed(config: Path) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Basic)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    talk = SetupDialogue(config)
    talk.begins()
    talk.answers("Mail address of the mailbox", DESK)
    talk.chooses("Who keeps the mail of {domain}?", "Exchange", domain="office.example.com")
    talk.answers(
        "Exchange server, its name or the whole address of its EWS",
        f"http://127.0.0.1:{server.server_address[1]}/EWS/Exchange.asmx",
    )
    talk.sees("The server offers: {offered}.", offered="Basic")
    talk.sees("How is the password shown to the server?")
    talk.sees("*2  basic")
    talk.child.sendintr()
    talk.ends(130)
    server.shutdown()
    server.server_close()
    thread.join(5)


def test_whoever_stays_with_ews_in_exchange_online_names_an_application(config: Path) -> None:
    talk = SetupDialogue(config)
    talk.begins()
    talk.answers("Mail address of the mailbox", DESK)
    talk.chooses("Who keeps the mail of {domain}?", "Exchange", domain="office.example.com")
    question = "Exchange server, its name or the whole address of its EWS"
    talk.answers(question, "https://outlook.office365.com/EWS/Exchange.asmx")
    talk.answers("Use Microsoft Graph instead?", "n")
    talk.answers(AUTHORITY)
    talk.answers("Address of the mailbox to answer")
    talk.answers("Application (client) id", CLIENT)
    talk.answers("Tenant id or domain", TENANT)
    talk.answers(SIGN_IN_SERVICE)
    talk.chooses("Who signs in?", "secret")
    talk.answers("Client secret", CLIENT_SECRET)
    talk.sees(CLOSED)
    talk.child.sendintr()
    talk.ends(130)


def of_microsoft(site: StoreSite, config: Path, **options: str) -> SetupDialogue:
    assert site.oauth is not None
    more = {"SSL_CERT_FILE": str(site.oauth.ca_file)}
    return SetupDialogue(config, more=more, language=options.get("language", "en"))


def to_the_application(talk: SetupDialogue, site: StoreSite, flow: str = "") -> None:
    """From the start to how the application of a mailbox in Microsoft 365 signs in."""
    assert site.oauth is not None
    talk.begins()
    talk.answers("Mail address of the mailbox", DESK)
    talk.chooses("Who keeps the mail of {domain}?", "Microsoft 365", domain="office.example.com")
    talk.chooses("How is the mailbox reached?")
    talk.answers("Address of the mailbox in Microsoft 365")
    talk.answers("Application (client) id", CLIENT)
    talk.answers("Tenant id or domain", TENANT)
    talk.answers(SIGN_IN_SERVICE, site.oauth.authority)
    talk.chooses("Who signs in?", flow)


def names_graph(talk: SetupDialogue, site: StoreSite, other: str = OTHER) -> None:
    assert site.graph is not None
    talk.answers("Address of Microsoft Graph", site.graph.url)
    talk.answers(CLOSED, other)


def trusted(site: StoreSite) -> None:
    """Both services have one file of authorities here, as the system's would be."""
    assert site.oauth is not None
    assert site.graph is not None
    with site.oauth.ca_file.open("a") as file:
        file.write(site.graph.ca_file.read_text())


def uploaded(site: StoreSite, shown: str) -> str:
    """An administrator uploads the certificate that is shown; returns its thumbprint."""
    assert site.oauth is not None
    pem = re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", shown, re.DOTALL)[
        -1
    ]
    certificate = x509.load_pem_x509_certificate(pem.encode())
    digest = certificate.fingerprint(hashes.SHA256())
    key = certificate.public_key()
    assert isinstance(key, RSAPublicKey)
    named = urlsafe_b64encode(digest).decode().rstrip("=")
    site.oauth.certificates[named] = key
    return digest.hex().upper()


def test_a_certificate_of_setups_own_making_signs_in_to_graph(
    config: Path, graph: StoreSite
) -> None:
    trusted(graph)
    assert graph.oauth is not None
    talk = of_microsoft(graph, config)
    to_the_application(talk, graph)
    talk.chooses("Which certificate?")
    talk.sees("SHA-256 thumbprint: {thumbprint}", thumbprint="")
    shown = talk.text
    # Nobody uploaded it yet: the sign-in is refused, and the same one is kept for the next round.
    talk.answers("Press Enter once it is uploaded")
    names_graph(talk, graph)
    talk.sees("AADSTS700027")
    talk.answers("Not everything works. Change the answers and try again?")
    thumbprint = uploaded(graph, shown)
    talk.answers("Mail address of the mailbox")
    talk.chooses("How is the mailbox reached?")
    talk.answers("Address of the mailbox in Microsoft 365")
    talk.answers("Application (client) id")
    talk.answers("Tenant id or domain")
    talk.answers(SIGN_IN_SERVICE)
    talk.chooses("Who signs in?")
    talk.chooses("Which certificate?")
    talk.answers("Address of Microsoft Graph")
    talk.answers(CLOSED)
    talk.sees("{other} is refused, as it should be.", other=OTHER)
    talk.answers("Write the configuration now?")
    talk.sees("The certificate lies in {path}; it is no secret.", path=config.parent / "desk.cer")
    whole = talk.ends(0)

    assert "PRIVATE KEY" not in whole
    mailbox = written(config)
    assert mailbox.kind == "graph"
    assert (mailbox.graph.mailbox, mailbox.sign_in.flow) == (DESK, "certificate")
    assert mailbox.sign_in.thumbprint == thumbprint
    key = config.parent / "secrets" / "desk"
    assert key.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    public = config.parent / "desk.cer"
    assert "PRIVATE" not in public.read_text()
    assert stat.S_IMODE(public.stat().st_mode) == 0o644
    assert "[X]" not in checked(config, SSL_CERT_FILE=str(graph.oauth.ca_file))


def test_a_client_secret_signs_in_to_graph_in_chinese(config: Path, graph: StoreSite) -> None:
    trusted(graph)
    talk = of_microsoft(graph, config, language="zh-Hans")
    to_the_application(talk, graph, "secret")
    talk.answers("Client secret", CLIENT_SECRET)
    names_graph(talk, graph)
    talk.sees("The sign-in service gave a token.")
    talk.answers("Write the configuration now?", "是")
    shown = talk.ends(0)
    assert CLIENT_SECRET not in shown
    assert "[X]" not in shown
    assert written(config).sign_in.flow == "secret"
    assert not (config.parent / "desk.cer").exists()


def test_a_device_code_signs_a_delegate_in_to_graph(config: Path, graph: StoreSite) -> None:
    trusted(graph)
    assert graph.oauth is not None
    talk = of_microsoft(graph, config)
    to_the_application(talk, graph, "device")
    talk.sees("Waiting for the sign-in …")
    code = re.findall(r"type the code (\S+)\.", talk.text)[-1]
    graph.oauth.approve(code, "clerk@office.example.com")
    talk.sees("Signed in as {who}.", who="clerk@office.example.com")
    names_graph(talk, graph, "")
    talk.sees("Not tried: no other address was named (--other).")
    talk.answers("Write the configuration now?")
    talk.ends(0)
    (device,) = graph.oauth.devices.values()
    assert "https://graph.microsoft.com/Mail.Send.Shared" in device.scope
    assert (config.parent / "state" / "tokens-desk.json").exists()
    assert not (config.parent / "secrets").exists()
    assert written(config).sign_in.user == ""


def test_a_mailbox_that_is_connected_over_imap_already_is_told(config: Path) -> None:
    office = config.parent / "office"
    office.mkdir()
    (office / "office.toml").write_text(f'name = "First"\naddresses = ["{DESK}"]\n')
    config.write_text(
        f'[[mailbox]]\nname = "lines"\noffice = "{office}"\nkind = "imap"\n'
        f'sign_in = {{ user = "{DESK}", method = "microsoft", client_id = "1" }}\n'
        'imap = { host = "outlook.office365.com" }\nsmtp = { host = "smtp.office365.com" }\n'
    )
    talk = SetupDialogue(config)
    talk.tells_the_office("Second")
    talk.answers("Mail address of the mailbox", DESK)
    talk.chooses("Who keeps the mail of {domain}?", "Microsoft 365", domain="office.example.com")
    talk.chooses("How is the mailbox reached?")
    talk.answers("Address of the mailbox in Microsoft 365")
    talk.answers("Application (client) id", CLIENT)
    talk.answers("Tenant id or domain", TENANT)
    talk.answers(SIGN_IN_SERVICE)
    talk.chooses("Who signs in?", "secret")
    talk.answers("Client secret", CLIENT_SECRET)
    talk.answers(CLOSED)
    talk.sees("The mailbox {name} is this very account; it is connected already.", name="lines")
    talk.child.sendintr()
    talk.ends(130)


def test_imap_stays_a_way_into_microsoft_365(config: Path) -> None:
    talk = SetupDialogue(config)
    talk.begins()
    talk.answers("Mail address of the mailbox", "shop@northgate.onmicrosoft.com")
    talk.sees("This is an address of {name}.", name="Microsoft 365")
    talk.chooses("How is the mailbox reached?", "imap")
    talk.sees("outlook.office365.com:993 (tls)")
    talk.answers("Use these servers?")
    talk.answers("User name (usually the mail address)")
    talk.chooses("How does the mailbox sign in?")
    talk.sees("Application (client) id")
    talk.child.sendintr()
    talk.ends(130)
