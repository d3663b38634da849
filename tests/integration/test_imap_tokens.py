"""A daemon that signs in with tokens: at Dovecot, which checks them itself, and at the relay."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.daemon_process import DaemonProcess
from tests.imap_account import PASSWORD, USER
from tests.imap_daemon import PATIENT
from tests.imap_site import Site, unspoken
from tests.servers.dovecot import KEY, Dovecot
from tests.servers.dovecot_config import Setup
from tests.servers.oauth import CLIENT, TENANT, OAuthServer
from tests.servers.relay import Relay

METHODS = ("google", "microsoft")
CLIENT_SECRET = "canary-client-secret-44"
SHORT_SECONDS = 2
HOUR = 3600
CALM_SECONDS = 5.0


class Good(set[str]):
    """The tokens that are good at this moment, as Dovecot sees them too."""

    def __contains__(self, token: object) -> bool:
        try:
            jwt.decode(str(token), KEY, algorithms=["HS256"])
        except jwt.InvalidTokenError:
            return False
        return True


@dataclass(slots=True, kw_only=True)
class Signed:
    """A site whose mail servers want tokens, and the service that gives them."""

    site: Site
    service: OAuthServer
    method: str
    lifetime: float = HOUR

    @property
    def asked(self) -> int:
        """How often a token was asked for."""
        return self.service.requests["refresh_token"] + self.service.requests["client_credentials"]

    @property
    def knocked(self) -> int:
        """How often anybody tried to sign in at either mail server."""
        logged = self.site.server.log.read_text()
        return logged.count("rip=127.0.0.1") + self.site.relay.seen("AUTH")

    def renewed(self) -> None:
        """A person signed in again, or the application has a new secret."""
        secrets = self.site.daemon.directory / "secrets"
        if self.method == "google":
            (secrets / "main").write_text(self.service.lasting(USER))
        else:
            self.service.client_secrets = {f"{CLIENT_SECRET}-new"}
            (secrets / "main").write_text(f"{CLIENT_SECRET}-new")

    def revoke(self) -> None:
        self.service.revoke(USER)
        if self.method == "microsoft":
            self.service.client_secrets.clear()

    def until_past(self) -> None:
        """Until every token that was given is past."""
        good = Good()
        given = [one for one in self.service.given if one.count(".") == 2]
        assert given
        self.site.daemon.until(lambda: not any(one in good for one in given))


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def signed(tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Signed]:
    with ExitStack() as stack:
        service = OAuthServer(app_user=USER, client_secrets={CLIENT_SECRET})
        stack.enter_context(service.running(tmp_path))
        server = stack.enter_context(Dovecot({USER: PASSWORD}, Setup(oauth=True)))
        relay = stack.enter_context(Relay(tokens=()))
        relay.tokens = Good({"some"})
        # As an administrator makes the system trust another authority.
        monkeypatch.setenv("SSL_CERT_FILE", str(service.ca_file))
        account = toml(method, service, server, relay)
        daemon = DaemonProcess(tmp_path, automatic=True, flow=PATIENT, account=account)
        secrets = tmp_path / "secrets"
        secrets.mkdir(mode=0o700)
        lasting = service.lasting(USER) if method == "google" else CLIENT_SECRET
        for name, secret in (("main", lasting), ("client", CLIENT_SECRET)):
            (secrets / name).write_text(secret)
            (secrets / name).chmod(0o600)
        site = Site(server=server, relay=relay, daemon=daemon)
        made = Signed(site=site, service=service, method=method)
        service.mint = lambda user, _: server.jwt(user, made.lifetime)
        yield made
        if not daemon.ended():
            assert daemon.stop() == 0
        assert unspoken(daemon)
        log = daemon.log.read_text()
        assert not [one for one in service.given | service.received if one in log]


def toml(method: str, service: OAuthServer, server: Dovecot, relay: Relay) -> str:
    ways = {
        "google": f'client_secret = "client"\nauthority = "{service.google}"\n',
        "microsoft": f'flow = "secret"\ntenant = "{TENANT}"\nauthority = "{service.authority}"\n',
    }
    return (
        f'kind = "imap"\n[mailbox.sign_in]\nuser = "{USER}"\nmethod = "{method}"\n'
        f'client_id = "{CLIENT}"\nsecret = "main"\n{ways[method]}'
        f'[mailbox.imap]\nhost = "127.0.0.1"\nport = {server.imap}\nsecurity = "none"\n'
        f'[mailbox.smtp]\nhost = "127.0.0.1"\nport = {relay.port}\nsecurity = "none"\n'
    )


def test_mail_comes_and_leaves_with_one_token(signed: Signed) -> None:
    site = signed.site
    site.daemon.start()
    site.deliver(1, 2)
    site.daemon.until(lambda: site.answered_once(1, 2) and len(site.lying("Handled")) == 2)
    assert {mail.login for mail in site.relay.mails} == {USER}
    assert signed.asked == 1
    assert site.troubles() == {}


def test_a_token_that_ends_in_the_middle_is_renewed_and_mail_goes_on(signed: Signed) -> None:
    site = signed.site
    # The service says an hour, the mail servers see it end: only their refusal tells.
    signed.lifetime = SHORT_SECONDS
    site.daemon.start()
    site.deliver(1)
    site.daemon.until(lambda: site.answered_once(1))
    signed.until_past()
    site.deliver(2)
    site.daemon.until(lambda: site.answered_once(1, 2))
    signed.until_past()
    signed.lifetime = HOUR
    cut_off(site)
    site.deliver(3)
    site.daemon.until(lambda: site.answered_once(1, 2, 3) and len(site.lying("Handled")) == 3)
    site.daemon.until(lambda: site.troubles() == {})
    assert 3 <= signed.asked <= 5


def cut_off(site: Site) -> None:
    """Every connection has to sign in anew."""
    site.server.doveadm("kick", USER)


def calm(count: Callable[[], Any]) -> bool:
    """Whether nothing more is counted for some seconds."""
    before = count()
    threading.Event().wait(CALM_SECONDS)
    return bool(count() == before)


def test_a_revoked_sign_in_is_said_once_and_nobody_hammers(signed: Signed) -> None:
    site = signed.site
    signed.lifetime = SHORT_SECONDS
    site.daemon.start()
    site.deliver(1)
    site.daemon.until(lambda: site.answered_once(1))
    signed.revoke()
    signed.until_past()
    # The connections to the inbox are open still: only sending needs a sign-in.
    site.deliver(2)
    site.daemon.until(lambda: "mail out desk" in site.troubles())
    assert said(signed) in site.troubles()["mail out desk"]
    cut_off(site)
    site.daemon.until(lambda: said(signed) in site.troubles().get("mail in desk", ""))
    assert calm(lambda: (signed.asked, signed.knocked))
    assert site.daemon.client.call("status")["mailboxes"][0]["contact"] == "dead"
    assert site.state(2) == "approved"
    assert site.daemon.stop() == 0
    # A person signs in again; what waited leaves, once.
    signed.renewed()
    signed.lifetime = HOUR
    site.daemon.start()
    site.daemon.until(lambda: site.answered_once(1, 2) and len(site.lying("Handled")) == 2)
    assert site.troubles() == {}


def said(signed: Signed) -> str:
    return {
        "google": "The sign-in no longer counts (invalid_grant). Run `appliance sign-in`",
        "microsoft": "The sign-in service refuses the application (invalid_client",
    }[signed.method]
