"""``appliance sign-in``: a mailbox that is connected already is signed in to anew, in a terminal."""

import os
import pwd
import re
import stat
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from appliance.config.toml import load_settings
from tests.daemon_process import DaemonProcess
from tests.dialogue import ROOT, SetupDialogue
from tests.integration.test_imap_daemon import altered
from tests.servers.dovecot import free_port
from tests.servers.oauth import CLIENT, OAuthServer
from tests.store_desk import question, troubles
from tests.store_site import CLIENT_SECRET, DESK, USER, StoreSite, store_site, unspoken

CLERK: Final = "clerk@office.example.com"
NEW: Final = "canary-new-75"
OFTEN: Final = """
from datetime import timedelta
from appliance.flow import intake
from appliance.mailbox import signin
intake._OPERATOR_WAIT = timedelta(seconds=0.3)
# What is new of a token is not seen from outside; the five minutes would be waited for.
signin.REFUSED_SECONDS = 0.5
"""


def renewed(config: Path, *mailbox: str, language: str = "en", ca: Path | None = None) -> "Talk":
    more = {} if ca is None else {"SSL_CERT_FILE": str(ca)}
    return Talk(config, language=language, more=more, verb=("sign-in", *mailbox))


class Talk(SetupDialogue):
    """One run of ``appliance sign-in``."""

    def approved(self, service: OAuthServer) -> None:
        """A person types the code that is shown into a browser."""
        self.sees("Waiting for the sign-in …")
        service.approve(re.findall(r"https:\S+.*?\b([A-Z0-9_-]{8})\b", self.text)[-1], CLERK)
        self.sees("Signed in as {who}.", who=CLERK)


def by_code(site: StoreSite) -> tuple[DaemonProcess, Path]:
    """A daemon on Graph to which a person has to sign in, and where that sign-in lies."""
    daemon = site.daemon(automatic=True, command=altered(OFTEN))
    text = daemon.config.read_text()
    assert 'flow = "secret"\nsecret = "desk"\n' in text
    daemon.config.write_text(text.replace('flow = "secret"\nsecret = "desk"\n', ""))
    (daemon.directory / "secrets" / "desk").unlink()
    return daemon, daemon.state / "tokens-desk.json"


def test_a_running_service_takes_a_new_sign_in_without_a_restart(tmp_path: Path) -> None:
    with store_site("Graph", tmp_path) as site:
        assert site.oauth is not None
        assert site.graph is not None
        daemon, cache = by_code(site)
        site.deliver(1)
        daemon.start()
        told = "Nobody has signed in to this mailbox yet. Run `appliance sign-in`."
        daemon.until(lambda: told in troubles(daemon).values())
        talk = renewed(daemon.config, ca=site.oauth.ca_file)
        talk.approved(site.oauth)
        talk.sees("It can be read.")
        talk.sees("Not asked for.")
        talk.sees("A running service uses it within about ten minutes; after a restart at once.")
        talk.ends(0)
        assert stat.S_IMODE(cache.stat().st_mode) == 0o600
        daemon.until(lambda: site.posted() == {question(1): 1} and troubles(daemon) == {})

        # The password was changed: what the person had no longer counts.
        first = cache.read_bytes()
        site.oauth.revoke(CLERK)
        for token in site.oauth.given:
            site.graph.tokens.revoke(token)
        gone = "The sign-in no longer counts (invalid_grant, AADSTS50173). Run `appliance sign-in`."
        daemon.until(lambda: gone in troubles(daemon).values())
        talk = renewed(daemon.config, "desk", ca=site.oauth.ca_file)
        talk.approved(site.oauth)
        talk.ends(0)
        assert cache.read_bytes() != first
        site.deliver(2)
        both = {question(1): 1, question(2): 1}
        daemon.until(lambda: site.posted() == both and troubles(daemon) == {})
        assert daemon.stop() == 0
        unspoken(daemon)


def test_a_new_password_is_kept_and_taken_by_a_running_service(tmp_path: Path) -> None:
    with store_site("Exchange", tmp_path) as site:
        assert site.ews is not None
        daemon = site.daemon(automatic=True, command=altered(OFTEN))
        daemon.start()
        site.deliver(1)
        daemon.until(lambda: site.posted() == {question(1): 1})
        site.ews.users[USER] = NEW
        daemon.until(lambda: troubles(daemon) != {})
        talk = renewed(daemon.config, language="zh-Hans")
        talk.answers("Password", NEW)
        talk.sees("A running service uses it within about ten minutes; after a restart at once.")
        shown = talk.ends(0)
        assert NEW not in shown
        for english in ("Password", "Trying", "service uses", "Written"):
            assert english not in shown
        secret = daemon.directory / "secrets" / "desk"
        assert (secret.read_text(), stat.S_IMODE(secret.stat().st_mode)) == (NEW, 0o600)
        site.deliver(2)
        both = {question(1): 1, question(2): 1}
        daemon.until(lambda: site.posted() == both and troubles(daemon) == {})
        assert daemon.stop() == 0


def test_a_password_that_does_not_count_is_told(tmp_path: Path) -> None:
    with store_site("Exchange", tmp_path) as site:
        daemon = site.daemon()
        (daemon.directory / "secrets" / "desk").unlink()
        talk = renewed(daemon.config)
        talk.answers("Password", NEW)
        talk.sees("that one goes first: change it there.")
        talk.sees("Access was refused. {reason}", reason="")
        assert "A running service uses it" not in talk.ends(2)


def test_a_new_client_secret_is_kept(tmp_path: Path) -> None:
    with store_site("Graph", tmp_path) as site:
        assert site.oauth is not None
        daemon = site.daemon()
        site.oauth.client_secrets = {NEW}
        talk = renewed(daemon.config, ca=site.oauth.ca_file)
        talk.answers("Client secret", NEW)
        assert NEW not in talk.ends(0)
        assert (daemon.directory / "secrets" / "desk").read_text() == NEW


def test_of_a_certificate_it_says_what_to_do(tmp_path: Path) -> None:
    with store_site("Graph", tmp_path) as site:
        assert site.oauth is not None
        daemon = site.daemon()
        text = daemon.config.read_text().replace('flow = "secret"', 'flow = "certificate"')
        daemon.config.write_text(text.replace("client_id", f'thumbprint = "{"0" * 64}"\nclient_id'))
        secret = daemon.directory / "secrets" / "desk"
        talk = renewed(daemon.config, ca=site.oauth.ca_file)
        talk.sees("This mailbox signs in with a certificate; no person signs in.")
        shown = talk.ends(2)
        assert str(secret) in shown
        assert secret.read_text().strip() == CLIENT_SECRET


def account(kind: str, service: OAuthServer, port: int, *, method: str = "microsoft") -> str:
    """A mailbox at a server that is away; only its sign-in service is there."""
    authority = service.google if method == "google" else service.authority
    google = 'client_secret = "desk-client"\nsecret = "desk"\n' if method == "google" else ""
    return (
        f'kind = "{kind}"\n'
        f'sign_in.user = "{DESK}"\nsign_in.method = "{method}"\nsign_in.client_id = "{CLIENT}"\n'
        f'sign_in.authority = "{authority}"\n'
        + "".join(f"sign_in.{line}\n" for line in google.splitlines())
        + {
            "imap": (
                f'imap = {{ host = "127.0.0.1", port = {port}, security = "none" }}\n'
                f'smtp = {{ host = "127.0.0.1", port = {port}, security = "none" }}\n'
            ),
            "exchange": f'exchange = {{ server = "http://127.0.0.1:{port}", mailbox = "{DESK}" }}\n',
        }[kind]
    )


@pytest.mark.parametrize(
    ("kind", "right"), [("imap", "IMAP.AccessAsUser.All"), ("exchange", "EWS.AccessAsUser.All")]
)
def test_the_sign_in_is_for_the_service_of_the_mailbox(
    tmp_path: Path, kind: str, right: str
) -> None:
    with OAuthServer().running(tmp_path) as service:
        daemon = DaemonProcess(tmp_path / "box", account=account(kind, service, free_port()))
        talk = renewed(daemon.config, ca=service.ca_file)
        talk.approved(service)
        # The sign-in went well and is kept; what does not work is told.
        talk.sees("It does not work at the moment. {reason}", reason="")
        talk.ends(2)
        (device,) = service.devices.values()
        assert right in device.scope
        assert (daemon.state / "tokens-desk.json").exists()


def test_nothing_is_kept_of_a_sign_in_that_is_declined_or_broken_off(tmp_path: Path) -> None:
    with OAuthServer().running(tmp_path) as service:
        daemon = DaemonProcess(tmp_path / "box", account=account("imap", service, free_port()))
        talk = renewed(daemon.config, ca=service.ca_file)
        talk.sees("Waiting for the sign-in …")
        (device,) = service.devices.values()
        service.decline(device.user_code)
        talk.sees("The sign-in was declined.")
        talk.ends(2)
        talk = renewed(daemon.config, ca=service.ca_file)
        talk.sees("Waiting for the sign-in …")
        talk.child.sendintr()
        talk.sees("Nothing was written.")
        talk.ends(130)
        assert not daemon.state.exists()


def test_a_consent_at_google_becomes_the_secret(tmp_path: Path) -> None:
    with OAuthServer(client_secrets={CLIENT_SECRET}).running(tmp_path) as service:
        text = account("imap", service, free_port(), method="google")
        daemon = DaemonProcess(tmp_path / "box", account=text)
        secrets = daemon.directory / "secrets"
        secrets.mkdir(mode=0o700)
        for name, value in (("desk", "old"), ("desk-client", CLIENT_SECRET)):
            (secrets / name).write_text(value)
            (secrets / name).chmod(0o600)
        talk = renewed(daemon.config, ca=service.ca_file)
        talk.sees("Address of that page")
        (url,) = re.findall(r"https://accounts\.google\.com/\S+", talk.text)
        talk.child.sendline(service.consent(url, DESK))
        talk.sees("Written: {config}", config=secrets / "desk")
        talk.ends(2)
        assert service.refresh_tokens == {(secrets / "desk").read_text(): DESK}
        assert (secrets / "desk-client").read_text() == CLIENT_SECRET


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_signs_in_belongs_to_the_services_user_and_goes_on_doing_so(
    tmp_path: Path,
) -> None:
    with store_site("Graph", tmp_path) as site:
        assert site.oauth is not None
        daemon, cache = by_code(site)
        user = pwd.getpwnam("nobody")
        daemon.state.mkdir(mode=0o700)
        os.chown(daemon.state, user.pw_uid, user.pw_gid)
        site.oauth.expires_in = 1
        talk = renewed(daemon.config, ca=site.oauth.ca_file)
        talk.approved(site.oauth)
        told = "Passwords and tokens belong to the user {user}, as {state} does."
        talk.sees(told, user="nobody", state=daemon.state)
        talk.ends(0)
        assert cache.stat().st_uid == user.pw_uid
        # A token that is past is renewed by whoever runs into it, here by root.
        before = cache.read_bytes()
        said(daemon.config, "check", "--no-send", ca=site.oauth.ca_file)
        assert cache.read_bytes() != before
        assert (cache.stat().st_uid, stat.S_IMODE(cache.stat().st_mode)) == (user.pw_uid, 0o600)


def said(config: Path, *line: str, ca: Path | None = None) -> tuple[int, str]:
    """Exit status and errors of a command that sits before no terminal."""
    more = {} if ca is None else {"SSL_CERT_FILE": str(ca)}
    ended = subprocess.run(
        [sys.executable, "-m", "appliance", "--config", str(config), *line],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "APPLIANCE_LANGUAGE": "en", **more},
    )
    return ended.returncode, ended.stderr


def test_it_wants_a_terminal(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "box")
    wants = "`appliance sign-in` asks questions; run it in a terminal.\n"
    assert said(daemon.config, "sign-in") == (2, wants)


def test_it_says_which_mailboxes_there_are(tmp_path: Path) -> None:
    with OAuthServer().running(tmp_path) as service:
        one = account("imap", service, free_port())
        office = tmp_path / "box" / "office"
        other = one.replace(DESK, "shop@office.example.com")
        daemon = DaemonProcess(
            tmp_path / "box",
            account=f'{one}[[mailbox]]\nname = "shop"\noffice = "{office}"\n{other}'
            f'[[mailbox]]\nname = "files"\noffice = "{office}"\npath = "{tmp_path / "mail"}"\n',
        )
        assert len(load_settings(daemon.config).mailbox) == 3
        for line, sentence in (
            ((), "Which mailbox? Name one of: desk, shop."),
            (("nowhere",), "There is no mailbox nowhere; there are: desk, shop."),
            (("files",), "Nobody signs in to a folder; only other kinds of mailbox need it."),
        ):
            talk = renewed(daemon.config, *line)
            talk.sees(sentence)
            talk.ends(2)
        talk = renewed(daemon.config, "shop", ca=service.ca_file)
        talk.approved(service)
        talk.ends(2)
        assert [path.name for path in daemon.state.glob("tokens-*")] == ["tokens-shop.json"]


def test_where_nothing_can_be_kept_nobody_has_to_sign_in_first(tmp_path: Path) -> None:
    with OAuthServer().running(tmp_path) as service:
        # Root is let in everywhere: a file in the place of a directory lets nobody in.
        blocked = tmp_path / "blocked"
        blocked.touch()
        text = account("imap", service, free_port())
        daemon = DaemonProcess(tmp_path / "box", account=text, state=blocked / "state")
        talk = renewed(daemon.config, ca=service.ca_file)
        talk.sees("cannot be written by you. Run `sudo appliance sign-in`")
        talk.ends(2)
        assert service.devices == {}
