"""``appliance setup`` as a person meets it: in a terminal, against a real Dovecot and a real relay."""

import os
import pwd
import re
import stat
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
import trustme

from appliance.config.toml import load_office, load_settings
from tests.daemon_process import DaemonProcess
from tests.dialogue import SetupDialogue
from tests.imap_account import PASSWORD, USER
from tests.raw_mail import raw_mail
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_config import Setup
from tests.servers.oauth import CLIENT, OAuthServer
from tests.servers.relay import Relay

ROOT: Final = Path(__file__).parents[2]
SECOND: Final = "second@office.example.com"
SECOND_PASSWORD: Final = "canary-second-38"
WRONG: Final = "canary-wrong-55"
SECRETS: Final = (PASSWORD, SECOND_PASSWORD, WRONG)


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """A mail server and a relay with certificates of one authority; ``ca`` is its file."""

    dovecot: Dovecot
    relay: Relay
    ca: Path


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    authority = trustme.CA()
    ca = tmp_path_factory.mktemp("authority") / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    users = {USER: PASSWORD, SECOND: SECOND_PASSWORD}

    def into_the_inbox(recipient: str, raw: bytes, sender: str) -> None:
        if recipient in users:
            dovecot.deliver(recipient, raw, sender)

    with (
        Dovecot(users, ca=authority) as dovecot,
        Relay(users=users, tls="implicit", ca=authority, forward=into_the_inbox) as relay,
    ):
        yield Servers(dovecot=dovecot, relay=relay, ca=ca)


class Dialogue(SetupDialogue):
    """With the questions about servers for IMAP and SMTP."""

    def names_the_servers(self, servers: Servers, *, security: str = "tls") -> None:
        dovecot = servers.dovecot
        self.answers("Server for incoming mail (IMAP)", dovecot.host)
        self.chooses("Encryption", security)
        self.answers("Port", dovecot.imaps if security == "tls" else dovecot.imap)
        self.answers("Server for outgoing mail (SMTP)", servers.relay.host)
        self.chooses("Encryption", "tls")
        self.answers("Port", servers.relay.port)
        self.answers(
            "Certificate of your own authority, a PEM file (Enter: not needed)", servers.ca
        )

    def signs_in(self, password: str) -> None:
        self.answers("User name (usually the mail address)")
        self.chooses("How does the mailbox sign in?")
        self.answers("Password", password)


def own_servers(talk: Dialogue, servers: Servers, address: str = USER, **options: Any) -> None:
    talk.answers("Mail address of the mailbox", address)
    talk.chooses("Who keeps the mail of {domain}?", domain=address.partition("@")[2])
    talk.names_the_servers(servers, **options)


def test_what_setup_writes_answers_a_mail(tmp_path: Path, servers: Servers) -> None:
    config = tmp_path / "appliance.toml"
    talk = Dialogue(config)
    talk.begins()
    own_servers(talk, servers)
    talk.signs_in(WRONG)
    talk.sees("Access was refused. {reason}", reason="127.0.0.1")
    talk.sees("Not tried: the same sign-in was just refused.")
    talk.answers("Not everything works. Change the answers and try again?")
    talk.answers("Mail address of the mailbox")
    talk.answers("Use these servers?")
    talk.signs_in(PASSWORD)
    talk.sees("No appliance answers this mailbox now.")
    talk.sees("Until `authserv_id` is set in office.toml, every draft waits for a person.")
    talk.answers("Write the configuration now?")
    shown = talk.ends(0)

    assert [secret for secret in SECRETS if secret in shown] == []
    secrets = tmp_path / "secrets"
    assert (secrets / "desk").read_text() == PASSWORD
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o700
    assert stat.S_IMODE((secrets / "desk").stat().st_mode) == 0o600
    for path in (config, tmp_path / "office" / "office.toml"):
        assert PASSWORD not in path.read_text()
        assert stat.S_IMODE(path.stat().st_mode) == 0o644
    settings = load_settings(config)
    assert settings.mailbox[0].smtp.sent_copy == "append"
    assert load_office(settings.mailbox[0].office).addresses == (USER,)
    # The mails with which everything was tried out are gone.
    for folder in ("INBOX", "Sent", "Drafts"):
        assert servers.dovecot.messages(USER, folder) == []

    it_answers(tmp_path, servers)


def it_answers(directory: Path, servers: Servers) -> None:
    """A real service on what was written; only patience and length are cut short."""
    config = directory / "appliance.toml"
    with config.open("a") as file:
        file.write("[flow]\nundo_seconds = 0.0\n")
    office = directory / "office"
    with (office / "office.toml").open("a") as file:
        file.write("[writing]\nmax_tokens = 24\n")
    (office / "knowledge" / "hours.md").write_text("# Hours\n\nWe open on Saturday at 9:00.\n")
    daemon = Written(directory)
    daemon.start()
    servers.dovecot.deliver(USER, raw_mail(1), "customer1@customers.example")
    daemon.until(lambda: daemon.states() in (["drafted"], ["held"]))
    (job,) = daemon.jobs()
    command = [sys.executable, "-m", "appliance", "--config", str(config), "mail"]
    # The model of the demo is too small to be trusted; a person writes over what it drafted.
    better = directory / "better.txt"
    better.write_text("Dear customer,\n\nwe open on Saturday at 9:00.\n")
    for verb in (["edit", str(job["id"]), "--file", str(better)], ["approve", str(job["id"])]):
        subprocess.run([*command, *verb], check=True, cwd=ROOT, capture_output=True)
    daemon.until(lambda: daemon.states() == ["sent"])
    assert daemon.stop() == 0
    reply = servers.relay.mails[-1]
    assert reply.login == USER
    assert reply.encrypted
    assert reply.recipients == ("customer1@customers.example",)
    assert reply.message_id in b"".join(servers.dovecot.messages(USER, "Sent")).decode()


class Written(DaemonProcess):
    """A daemon on files that are there already."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.config = directory / "appliance.toml"
        self.socket = load_settings(self.config).socket
        self.log = directory / "daemon.log"
        self.command = ("-m", "appliance")
        self.measured = True
        self.variables = {}
        self.process = None


def test_setup_speaks_chinese_and_connects_by_starttls(tmp_path: Path, servers: Servers) -> None:
    talk = Dialogue(tmp_path / "appliance.toml", language="zh-Hans")
    talk.begins(name="青禾电器")
    own_servers(talk, servers, security="starttls")
    talk.signs_in(PASSWORD)
    talk.sees("mail to itself")
    talk.answers("Write the configuration now?", "是")
    shown = talk.ends(0)

    ours = [line for line in shown.splitlines() if not line.startswith((" [OK]", "  "))]
    asked = [line for line in ours if line.rstrip().endswith("?") or "Enter" in line]
    assert [line for line in asked if line.isascii()] == []
    for english in ("Mail address", "Password", "Server for", "Written", "came back", "folders"):
        assert english not in shown
    settings = load_settings(tmp_path / "appliance.toml")
    office = load_office(settings.mailbox[0].office)
    assert (office.name, office.language) == ("青禾电器", "zh-Hans")
    assert settings.mailbox[0].imap.security == "starttls"


@pytest.fixture
def connected(tmp_path: Path, servers: Servers) -> Path:
    """A configuration with one mailbox, as an administrator would keep it."""
    office = tmp_path / "office"
    office.mkdir()
    (office / "office.toml").write_text(f'name = "First"\naddresses = ["{USER}"]\n')
    config = tmp_path / "appliance.toml"
    config.write_text(
        f'# Ours since May.\nstate = "{tmp_path / "state"}"\n\n[[mailbox]]  # the first\n'
        f'name = "desk"\noffice = "{office}"\nkind = "imap"\n'
        f'sign_in = {{ user = "{USER}", secret = "desk" }}\n'
        f'imap = {{ host = "127.0.0.1", port = {servers.dovecot.imaps} }}\n'
        'smtp = { host = "127.0.0.1" }\n\n[engine]\nslots = 2  # of 4\n'
    )
    config.chmod(0o640)
    return config


def test_a_second_mailbox_leaves_the_first_and_its_comments(
    connected: Path, servers: Servers
) -> None:
    before = connected.read_text()
    talk = Dialogue(connected)
    talk.sees(
        "{config} is kept as it is; a mailbox is added to: {names}.", config=connected, names="desk"
    )
    talk.tells_the_office("Second Office")
    own_servers(talk, servers)
    talk.signs_in(SECOND_PASSWORD)
    talk.sees("The mailbox {name} is this very account; it is connected already.", name="desk")
    own_servers(talk, servers, SECOND)
    talk.signs_in(SECOND_PASSWORD)
    talk.answers("Write the configuration now?")
    talk.sees("Then restart the service, so that it looks after the new mailbox, too.")
    talk.ends(0)

    after = connected.read_text()
    assert after.startswith(before)
    assert stat.S_IMODE(connected.stat().st_mode) == 0o640
    settings = load_settings(connected)
    assert [one.name for one in settings.mailbox] == ["desk", "second"]
    assert settings.engine.slots == 2
    assert settings.mailbox[1].office == connected.parent / "offices" / "second"
    assert load_office(settings.mailbox[1].office).name == "Second Office"


@pytest.mark.parametrize(
    ("ending", "status", "sentence"),
    [
        ("interrupt", 130, "Nothing was written."),
        ("end", 2, "The answers ended here; nothing was written."),
    ],
)
def test_breaking_off_writes_nothing(
    ending: str, status: int, sentence: str, tmp_path: Path, servers: Servers
) -> None:
    talk = Dialogue(tmp_path / "appliance.toml")
    talk.begins()
    own_servers(talk, servers)
    talk.signs_in(PASSWORD)
    talk.sees("Write the configuration now?")
    talk.child.expect(": ")
    if ending == "interrupt":
        talk.child.sendintr()
    else:
        talk.child.sendeof()
    assert sentence in talk.ends(status)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("question", ["Directory for everything the appliance keeps", "Model file"])
def test_ctrl_c_at_the_first_questions_writes_nothing(question: str, tmp_path: Path) -> None:
    talk = Dialogue(tmp_path / "appliance.toml")
    if question == "Model file":
        talk.answers("Directory for everything the appliance keeps")
    talk.sees(question)
    talk.child.expect(": ")
    talk.child.sendintr()
    assert "Nothing was written." in talk.ends(130)
    assert list(tmp_path.iterdir()) == []


def test_saying_no_at_the_end_writes_nothing(tmp_path: Path, servers: Servers) -> None:
    talk = Dialogue(tmp_path / "appliance.toml")
    talk.begins()
    own_servers(talk, servers)
    talk.signs_in(PASSWORD)
    talk.answers("Write the configuration now?", "maybe")
    talk.sees("Please answer y or n.")
    talk.child.sendline("n")
    assert "Nothing was written." in talk.ends(1)
    assert list(tmp_path.iterdir()) == []


def test_answers_that_do_not_work_can_be_kept(tmp_path: Path, servers: Servers) -> None:
    talk = Dialogue(tmp_path / "appliance.toml")
    talk.begins()
    own_servers(talk, servers)
    talk.signs_in(WRONG)
    talk.answers("Not everything works. Change the answers and try again?", "n")
    talk.answers("Keep these answers all the same?", "y")
    talk.answers("Write the configuration now?")
    talk.ends(0)
    assert (tmp_path / "secrets" / "desk").read_text() == WRONG


def test_what_trying_out_teaches_is_written(
    tmp_path: Path, servers: Servers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def vouch_and_file(recipient: str, raw: bytes, sender: str) -> None:
        servers.dovecot.append(USER, "Sent", raw)
        head = b"Authentication-Results: mx.office.example.com; spf=pass\r\n"
        servers.dovecot.deliver(recipient, head + raw, sender)

    monkeypatch.setattr(servers.relay, "forward", vouch_and_file)
    talk = Dialogue(tmp_path / "appliance.toml")
    talk.begins()
    own_servers(talk, servers)
    talk.signs_in(PASSWORD)
    talk.sees("The server keeps a copy of sent mail by itself; the appliance adds none.")
    talk.sees("The server vouches for senders under the name {name}.", name="mx.office.example.com")
    talk.answers("Write the configuration now?")
    assert "[!]" not in talk.ends(0)
    (mailbox,) = load_settings(tmp_path / "appliance.toml").mailbox
    assert mailbox.smtp.sent_copy == "server"
    assert load_office(mailbox.office).authserv_id == "mx.office.example.com"


def test_giving_up_after_a_failure_writes_nothing(tmp_path: Path, servers: Servers) -> None:
    talk = Dialogue(tmp_path / "appliance.toml")
    talk.begins()
    own_servers(talk, servers)
    talk.signs_in(WRONG)
    talk.answers("Not everything works. Change the answers and try again?", "n")
    talk.answers("Keep these answers all the same?")
    assert "Nothing was written." in talk.ends(2)
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_right_is_asked_again_at_once(tmp_path: Path) -> None:
    talk = Dialogue(tmp_path / "appliance.toml")
    talk.begins()
    for wrong in ("desk", "desk@localhost", "a@b@c.example", "A <a@b.example>"):
        talk.answers("Mail address of the mailbox", wrong)
        talk.sees("This is no mail address, such as service@example.com.")
    talk.answers("Mail address of the mailbox", "a@b.example")
    talk.chooses("Who keeps the mail of {domain}?", "9", domain="b.example")
    talk.sees("Please give one of the numbers.")
    talk.child.sendline("other")
    for wrong in (
        "mail.example.com:993",
        "https://mail.example.com",
        "mail example",
        "a@b.example",
    ):
        talk.answers("Server for incoming mail (IMAP)", wrong)
        talk.sees("This is no name of a server, such as mail.example.com; its port is asked next.")
    talk.answers("Server for incoming mail (IMAP)", "mail.example.com")
    # Nobody is asked for a password that would go through the network in the clear.
    talk.chooses("Encryption", "none")
    talk.sees("Please give one of the numbers.")
    talk.child.sendline("1")
    for wrong in ("0", "65536", "imap", "-1"):
        talk.answers("Port", wrong)
        talk.sees("A port is a number from 1 to 65535.")
    talk.answers("Port")
    talk.answers("Server for outgoing mail (SMTP)", "127.0.0.1")
    talk.chooses("Encryption", "none")
    talk.answers("Port")
    talk.answers("Certificate of your own authority, a PEM file (Enter: not needed)", "/nowhere")
    talk.sees("There is no such file.")
    talk.child.sendintr()
    talk.ends(130)


def test_the_servers_of_a_known_provider_need_one_answer(tmp_path: Path) -> None:
    talk = Dialogue(tmp_path / "appliance.toml")
    talk.begins()
    talk.answers("Mail address of the mailbox", "shop@b.example")
    talk.chooses("Who keeps the mail of {domain}?", "exmail", domain="b.example")
    talk.sees("imap.exmail.qq.com:993 (tls)")
    talk.sees("smtp.exmail.qq.com:465 (tls)")
    talk.answers("Use these servers?")
    talk.answers("User name (usually the mail address)")
    talk.chooses("How does the mailbox sign in?")
    talk.sees("This provider wants an authorisation code or app password here, made on its")
    talk.child.sendintr()
    talk.ends(130)


def test_another_appliance_at_the_mailbox_is_told(tmp_path: Path, servers: Servers) -> None:
    """By the claim as a service writes it."""
    from appliance.config.accounts import ImapSettings
    from appliance.daemon import SystemClock
    from appliance.mailbox.claim import Claim
    from appliance.mailbox.folders import Folders

    clock = SystemClock()
    claim = Claim(box="0123", host="attic", folders=Folders(ImapSettings()), clock=clock)
    with servers.dovecot.session(USER) as client:
        claim.hold(client)
        talk = Dialogue(tmp_path / "appliance.toml")
        talk.begins()
        own_servers(talk, servers)
        talk.signs_in(PASSWORD)
        talk.sees("[!]")
        talk.sees("Another appliance (attic) answers this mailbox, last sign of life 0 min ago.")
        talk.sees("Write the configuration now?")
        talk.child.sendintr()
        talk.ends(130)
        claim.give_up(client)
    assert len(servers.dovecot.messages(USER, "Appliance")) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_writes_for_the_service_belongs_to_the_services_user(
    tmp_path: Path, servers: Servers
) -> None:
    user = pwd.getpwnam("nobody")
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, user.pw_uid, user.pw_gid)
    talk = Dialogue(tmp_path / "appliance.toml")
    talk.begins()
    own_servers(talk, servers)
    talk.signs_in(PASSWORD)
    talk.answers("Write the configuration now?")
    shown = talk.ends(0)
    assert f"Passwords and tokens belong to the user nobody, as {state} does." in shown
    owners = {path.name: path.stat().st_uid for path in tmp_path.rglob("*")}
    assert owners["secrets"] == owners["desk"] == user.pw_uid
    assert owners["appliance.toml"] == owners["office.toml"] == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """Servers that want access tokens, and the service that gives them out."""

    servers: Servers
    microsoft: OAuthServer
    config: Path

    @property
    def dialogue(self) -> Dialogue:
        return Dialogue(self.config, more={"SSL_CERT_FILE": str(self.microsoft.ca_file)})


@pytest.fixture
def tenant(tmp_path: Path) -> Iterator[Tenant]:
    """Microsoft's sign-in by our own reading of it: no real tenant was asked."""
    authority = trustme.CA()
    ca = tmp_path / "authority.pem"
    authority.cert_pem.write_to_path(str(ca))
    config = tmp_path / "box" / "appliance.toml"
    config.parent.mkdir()

    def minted(user: str, seconds: float) -> str:
        token = dovecot.jwt(user, seconds)
        assert relay.tokens is not None
        relay.tokens.add(token)
        return token

    with (
        Dovecot({USER: PASSWORD}, Setup(oauth=True), ca=authority) as dovecot,
        Relay(
            tokens=(),
            tls="implicit",
            ca=authority,
            forward=lambda _to, raw, sender: dovecot.deliver(USER, raw, sender),
        ) as relay,
        OAuthServer(mint=minted, app_user=USER).running(tmp_path) as microsoft,
    ):
        servers = Servers(dovecot=dovecot, relay=relay, ca=ca)
        yield Tenant(servers=servers, microsoft=microsoft, config=config)


SIGN_IN_SERVICE: Final = (
    "Address of the sign-in service (Enter: the usual; a national cloud has its own)"
)


def test_a_device_code_signs_a_person_in(tenant: Tenant) -> None:
    microsoft = tenant.microsoft
    talk = tenant.dialogue
    talk.begins()
    own_servers(talk, tenant.servers)
    talk.answers("User name (usually the mail address)")
    talk.chooses("How does the mailbox sign in?", "microsoft")
    talk.answers("Application (client) id", CLIENT)
    talk.answers("Tenant id or domain")
    talk.answers(SIGN_IN_SERVICE, "login.example")
    talk.sees("This is no address that begins with https://.")
    talk.child.sendline(microsoft.authority)
    talk.chooses("Who signs in?")
    talk.sees("Waiting for the sign-in …")
    first = re.findall(r"type the code (\S+)\.", talk.text)[-1]
    microsoft.decline(first)
    talk.sees("Access was refused. {reason}", reason="Nobody has signed in")
    next_round(talk)
    talk.sees("Waiting for the sign-in …")
    second = re.findall(r"type the code (\S+)\.", talk.text)[-1]
    tenant.servers.relay.refuse("MAIL", "451 4.3.0 Later", times=1)
    microsoft.approve(second, USER)
    talk.sees("Signed in as {who}.", who=USER)
    next_round(talk)
    # What a person did in a browser need not be done again for a server that was busy.
    talk.answers("Keep the sign-in of the last round?")
    talk.answers("Write the configuration now?")
    talk.ends(0)

    directory = tenant.config.parent
    assert not (directory / "secrets").exists()
    tokens = directory / "state" / "tokens-desk.json"
    assert stat.S_IMODE(tokens.stat().st_mode) == 0o600
    assert [secret for secret in microsoft.given if secret in talk.text] == []
    assert tomllib.loads(tenant.config.read_text())["mailbox"][0]["sign_in"] == {
        "user": USER,
        "method": "microsoft",
        "client_id": CLIENT,
        "authority": microsoft.authority,
    }


def next_round(talk: Dialogue) -> None:
    """Once more with the same answers, to where the sign-in begins."""
    talk.answers("Not everything works. Change the answers and try again?")
    talk.answers("Mail address of the mailbox")
    talk.answers("Use these servers?")
    talk.answers("User name (usually the mail address)")
    talk.chooses("How does the mailbox sign in?")
    talk.answers("Application (client) id")
    talk.answers("Tenant id or domain")
    talk.answers(SIGN_IN_SERVICE)
    talk.chooses("Who signs in?")


def test_an_application_signs_in_with_its_secret(tenant: Tenant) -> None:
    tenant.microsoft.client_secrets.add(SECOND_PASSWORD)
    talk = tenant.dialogue
    talk.begins()
    own_servers(talk, tenant.servers)
    talk.answers("User name (usually the mail address)")
    talk.chooses("How does the mailbox sign in?", "microsoft")
    talk.answers("Application (client) id", CLIENT)
    talk.answers("Tenant id or domain")
    talk.answers(SIGN_IN_SERVICE)
    talk.chooses("Who signs in?", "secret")
    talk.answers("Client secret", SECOND_PASSWORD)
    # What cannot work at all is a row of the table as well, and no end of the dialogue.
    talk.sees("an application needs the tenant's own id or domain.")
    talk.answers("Not everything works. Change the answers and try again?")
    talk.answers("Mail address of the mailbox")
    talk.answers("Use these servers?")
    talk.answers("User name (usually the mail address)")
    talk.chooses("How does the mailbox sign in?")
    talk.answers("Application (client) id")
    talk.answers("Tenant id or domain")
    talk.answers(SIGN_IN_SERVICE, tenant.microsoft.authority)
    talk.chooses("Who signs in?")
    talk.answers("Client secret")
    talk.answers("Write the configuration now?")
    assert SECOND_PASSWORD not in talk.ends(0)
    assert (tenant.config.parent / "secrets" / "desk").read_text() == SECOND_PASSWORD


def test_a_password_of_an_earlier_round_is_not_written(tenant: Tenant) -> None:
    """Nor is it offered for the client secret."""
    talk = tenant.dialogue
    talk.begins()
    own_servers(talk, tenant.servers)
    talk.signs_in(WRONG)
    talk.answers("Not everything works. Change the answers and try again?")
    talk.answers("Mail address of the mailbox")
    talk.answers("Use these servers?")
    talk.answers("User name (usually the mail address)")
    talk.chooses("How does the mailbox sign in?", "google")
    talk.answers("Application (client) id", "1")
    talk.answers("Client secret (not shown while you type)", SECOND_PASSWORD)
    talk.answers("Address of that page", "http://127.0.0.1/?error=access_denied")
    talk.answers("Not everything works. Change the answers and try again?", "n")
    talk.answers("Keep these answers all the same?", "y")
    talk.answers("Write the configuration now?")
    talk.ends(0)
    written = {path.name: path.read_text() for path in (tenant.config.parent / "secrets").iterdir()}
    assert written == {"desk-client": SECOND_PASSWORD}


def test_without_a_terminal_setup_says_so_and_ends_with_two(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "appliance", "--config", tmp_path / "a.toml", "setup"],
        input="x\n",
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "APPLIANCE_LANGUAGE": "en"},
    )
    assert ended.returncode == 2
    assert ended.stderr == "`appliance setup` asks questions; run it in a terminal.\n"
    assert list(tmp_path.iterdir()) == []
