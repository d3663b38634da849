"""Real msal and real HTTPS against a sign-in service on this machine."""

import base64
import json
import logging
import stat
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID
from imapclient import IMAPClient
from imapclient.exceptions import LoginError

from appliance.config.accounts import SignIn
from appliance.config.secrets import Secret, Secrets
from appliance.domain.errors import (
    ApplianceError,
    ConfigError,
    CredentialsRefused,
    DiskFull,
    MailboxUnreachable,
)
from appliance.mailbox import signin, tokens
from appliance.mailbox.certificate import new_certificate
from appliance.mailbox.google import google_consent_url, google_exchange, new_verifier
from appliance.mailbox.oauth import DeviceSignIn, open_method
from appliance.mailbox.scopes import Service, application_scopes, person_scopes
from appliance.mailbox.signin import SignInMethod
from tests.fakes import FakeClock
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_config import Setup
from tests.servers.oauth import CLIENT, GMAIL, TENANT, OAuthServer

ROOT = Path(__file__).resolve().parents[2]
USER = "office@northgate.example"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[OAuthServer]:
    with OAuthServer().running(tmp_path) as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def secrets(tmp_path: Path) -> Secrets:
    return Secrets(tmp_path / "secrets", {})


class Office:
    """One mailbox with its settings, secrets and files, and the service it signs in to."""

    def __init__(
        self, server: OAuthServer, secrets: Secrets, clock: FakeClock, cache: Path
    ) -> None:
        self.server = server
        self.secrets = secrets
        self.clock = clock
        self.cache = cache
        self.service: Service = "mail"
        self.stop = threading.Event()
        self.shown: list[tuple[str, str]] = []
        self.settings = SignIn(
            user=USER, method="microsoft", client_id=CLIENT, authority=server.authority
        )

    def sign_in(self, act: Callable[[str], None]) -> str:
        """A person signs in by device code; ``act`` is what the person does with the code."""

        def show(address: str, code: str) -> None:
            self.shown.append((address, code))
            act(code)

        signing_in = DeviceSignIn(
            self.settings, service=self.service, cache=self.cache, ca_file=self.server.ca_file
        )
        return signing_in.run(show, clock=self.clock, stop=self.stop)

    def approved(self) -> None:
        """The sign-in that went well, with the requests for it forgotten."""
        self.sign_in(lambda code: self.server.approve(code, USER))
        self.server.requests.clear()

    def method(self, **changes: Any) -> SignInMethod:
        return open_method(
            replace(self.settings, **changes),
            service=self.service,
            secrets=self.secrets,
            cache=self.cache,
            clock=self.clock,
            ca_file=self.server.ca_file,
        )

    def google(self) -> SignInMethod:
        """By a refresh token that the secrets hold."""
        self.server.client_secrets.add("google-client-secret")
        self.secrets.put("google_client", Secret("google-client-secret"))
        self.secrets.put("google_refresh", Secret(self.server.lasting(USER)))
        return self.method(**self.google_settings())

    def google_settings(self) -> dict[str, str]:
        return {
            "method": "google",
            "authority": self.server.google,
            "secret": "google_refresh",
            "client_secret": "google_client",
        }


@pytest.fixture
def office(server: OAuthServer, secrets: Secrets, clock: FakeClock, tmp_path: Path) -> Office:
    return Office(server, secrets, clock, tmp_path / "sign-in.json")


class OneWait(threading.Event):
    """A stop event that lets time pass instead of waiting, and may do something then."""

    def __init__(self, pass_time: Callable[[float], None]) -> None:
        super().__init__()
        self._pass_time = pass_time

    def wait(self, timeout: float | None = None) -> bool:
        self._pass_time(timeout or 0.0)
        return self.is_set()


# Microsoft, a person's sign-in


def test_a_person_signs_in_by_device_code_and_tokens_follow(office: Office) -> None:
    who = office.sign_in(lambda code: office.server.approve(code, "delegate@northgate.example"))
    assert who == "delegate@northgate.example"
    [(address, code)] = office.shown
    assert address.startswith(office.server.base)
    assert code == code.upper()
    method = office.method()
    assert method.user == USER
    assert method.bearer
    assert method.secret(renew=False).reveal() in office.server.given


def test_the_scopes_are_those_of_imap_and_smtp(office: Office) -> None:
    office.approved()
    [device] = office.server.devices.values()
    assert set(device.scope.split()) == {
        "https://outlook.office.com/IMAP.AccessAsUser.All",
        "https://outlook.office.com/SMTP.Send",
        "offline_access",
        "openid",
        "profile",
    }


EWS = {"EWS.AccessAsUser.All"}
GRAPH = {"Mail.ReadWrite", "Mail.ReadWrite.Shared", "Mail.Send", "Mail.Send.Shared"}
LINES = {"IMAP.AccessAsUser.All", "SMTP.Send"}


@pytest.mark.parametrize(
    ("service", "host", "resource", "rights"),
    [
        ("mail", "login.microsoftonline.com", "https://outlook.office.com", LINES),
        ("mail", "login.partner.microsoftonline.cn", "https://partner.outlook.cn", LINES),
        ("mail", "login.microsoftonline.us", "https://outlook.office365.us", LINES),
        ("ews", "login.microsoftonline.com", "https://outlook.office365.com", EWS),
        ("ews", "login.chinacloudapi.cn", "https://partner.outlook.cn", EWS),
        ("graph", "login.microsoftonline.com", "https://graph.microsoft.com", GRAPH),
        (
            "graph",
            "login.partner.microsoftonline.cn",
            "https://microsoftgraph.chinacloudapi.cn",
            GRAPH,
        ),
        ("graph", "login.microsoftonline.us", "https://graph.microsoft.us", GRAPH),
    ],
)
def test_each_service_and_national_cloud_has_scopes_of_its_own(
    service: Service, host: str, resource: str, rights: set[str]
) -> None:
    assert set(person_scopes(service, host)) == {f"{resource}/{right}" for right in rights}
    (whole,) = application_scopes(service, host)
    assert whole == f"{resource.replace('office.com', 'office365.com')}/.default"


@pytest.mark.parametrize(
    ("service", "resource"),
    [
        ("mail", "https://outlook.office.com"),
        ("ews", "https://outlook.office365.com"),
        ("graph", "https://graph.microsoft.com"),
    ],
)
def test_a_persons_token_is_for_the_service_it_was_asked_for(
    office: Office, service: Service, resource: str
) -> None:
    office.service = service
    office.approved()
    for renew in (False, True):
        token = office.method().secret(renew=renew).reveal()
        scopes = office.server.meant[token].split()
        asked = [scope for scope in scopes if "/" in scope]
        assert asked
        assert {scope.rpartition("/")[0] for scope in asked} == {resource}


@pytest.mark.parametrize(
    ("service", "scope"),
    [
        ("mail", "https://outlook.office365.com/.default"),
        ("ews", "https://outlook.office365.com/.default"),
        ("graph", "https://graph.microsoft.com/.default"),
    ],
)
def test_an_applications_token_is_for_the_service_it_was_asked_for(
    office: Office, service: Service, scope: str
) -> None:
    office.service = service
    office.server.client_secrets.add("app-secret")
    office.secrets.put("app", Secret("app-secret"))
    method = office.method(flow="secret", secret="app")
    token = method.secret(renew=False).reveal()
    assert office.server.meant[token] == scope


def test_setup_asks_again_until_the_person_is_done(office: Office) -> None:
    waits: list[float] = []

    def pass_time(seconds: float) -> None:
        waits.append(seconds)
        office.clock.advance(timedelta(seconds=seconds))
        if len(waits) == 3:
            office.server.approve(office.shown[0][1], USER)

    office.stop = OneWait(pass_time)
    office.server.interval = 5
    with pytest.warns(UserWarning, match="too soon"):
        assert office.sign_in(lambda _: None) == USER
    assert waits == [5, 5, 5]


def test_a_declined_sign_in_is_said(office: Office) -> None:
    with pytest.raises(CredentialsRefused, match="declined"):
        office.sign_in(office.server.decline)
    assert not office.cache.exists()


def test_a_code_that_the_service_calls_expired_is_said(office: Office) -> None:
    with pytest.raises(CredentialsRefused, match="before the code ran out"):
        office.sign_in(office.server.expire)


def test_a_code_runs_out_here_too(office: Office) -> None:
    office.stop = OneWait(lambda _: office.clock.advance(timedelta(seconds=901)))
    with pytest.raises(CredentialsRefused, match="before the code ran out"):
        office.sign_in(lambda _: None)


def test_setup_can_be_broken_off(office: Office) -> None:
    office.server.interval = 5
    with pytest.raises(CredentialsRefused, match="broken off"):
        office.sign_in(lambda _: office.stop.set())
    assert not office.cache.exists()


def test_one_lost_answer_does_not_end_a_sign_in(office: Office) -> None:
    waits: list[float] = []

    def pass_time(seconds: float) -> None:
        waits.append(seconds)
        office.server.fault = "503" if len(waits) in {1, 2} else None

    office.stop = OneWait(pass_time)
    assert office.sign_in(lambda code: office.server.approve(code, USER)) == USER
    assert len(waits) == 3


def test_a_service_that_stays_away_ends_a_sign_in(office: Office) -> None:
    office.server.fault_paths = ("/token",)
    office.server.fault = "503"
    with pytest.raises(MailboxUnreachable, match="503"):
        office.sign_in(lambda _: None)


def test_an_unknown_application_is_named_as_such(office: Office) -> None:
    office.settings = replace(office.settings, client_id="another")
    with pytest.raises(CredentialsRefused, match="client_id and tenant") as refused:
        office.sign_in(lambda _: None)
    assert "unauthorized_client, AADSTS700016" in str(refused.value)


def test_an_older_sign_in_is_replaced(office: Office) -> None:
    office.approved()
    office.sign_in(lambda code: office.server.approve(code, "second@northgate.example"))
    kept = json.loads(office.cache.read_bytes())
    assert [a["username"] for a in kept["Account"].values()] == ["second@northgate.example"]


def test_without_a_sign_in_the_mailbox_says_what_to_do(office: Office) -> None:
    with pytest.raises(CredentialsRefused, match="Run `appliance sign-in`"):
        office.method().secret(renew=False)
    assert not office.server.requests


def test_a_token_that_is_good_is_not_asked_for_again(office: Office) -> None:
    office.approved()
    method = office.method()
    first = method.secret(renew=False)
    assert method.secret(renew=False) == first
    assert office.server.requests["refresh_token"] == 0


def test_a_token_is_renewed_before_it_ends(office: Office) -> None:
    # Msal calls a token ended five minutes early; it reads the time itself.
    office.server.expires_in = 290
    office.approved()
    method = office.method()
    assert method.secret(renew=False) != method.secret(renew=False)
    assert office.server.requests["refresh_token"] == 2


def test_a_refused_token_is_really_renewed(office: Office) -> None:
    office.approved()
    method = office.method()
    first = method.secret(renew=False)
    second = method.secret(renew=True)
    assert second != first
    assert method.secret(renew=False) == second
    assert office.server.requests["refresh_token"] == 1


def test_the_sign_in_is_kept_for_the_owner_alone_and_follows_each_renewal(office: Office) -> None:
    office.approved()
    before = office.cache.read_bytes()
    token = office.method().secret(renew=True).reveal()
    kept = office.cache.read_bytes()
    assert kept != before
    assert token in kept.decode()
    assert stat.S_IMODE(office.cache.stat().st_mode) == 0o600
    newest = list(office.server.refresh_tokens)[-1]
    assert newest in kept.decode()


def test_the_sign_in_survives_a_new_process(office: Office) -> None:
    office.approved()
    program = (
        "import sys, pathlib\n"
        "from appliance.config.accounts import SignIn\n"
        "from appliance.config.secrets import Secrets\n"
        "from appliance.mailbox.oauth import open_method\n"
        "from tests.fakes import FakeClock\n"
        "authority, client, cache, ca = sys.argv[1:]\n"
        "settings = SignIn(method='microsoft', client_id=client, authority=authority)\n"
        "method = open_method(settings, service='mail', secrets=Secrets(pathlib.Path('none')),\n"
        "    cache=pathlib.Path(cache), clock=FakeClock(), ca_file=pathlib.Path(ca))\n"
        "print(method.secret(renew=True).reveal(), end='')\n"
    )
    place = [office.server.authority, CLIENT, str(office.cache), str(office.server.ca_file)]
    ended = subprocess.run(
        [sys.executable, "-c", program, *place],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout in office.server.given
    assert office.method().secret(renew=False).reveal() == ended.stdout


def test_a_new_sign_in_counts_without_a_restart(office: Office) -> None:
    office.approved()
    method = office.method()
    method.secret(renew=False)
    office.server.revoke(USER)
    with pytest.raises(CredentialsRefused):
        method.secret(renew=True)
    office.approved()
    assert method.secret(renew=True).reveal() in office.server.given


def test_a_sign_in_made_meanwhile_is_not_overwritten(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.approved()
    mint = office.server.mint

    def mint_meanwhile(user: str, seconds: float) -> str:
        office.cache.write_text("a newer sign-in")
        return mint(user, seconds)

    office.server.mint = mint_meanwhile
    office.method().secret(renew=True)
    assert office.cache.read_text() == "a newer sign-in"


def test_a_full_disk_does_not_keep_a_token_back(
    office: Office, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    office.approved()
    before = office.cache.read_bytes()

    def full(path: Path, content: bytes) -> None:
        raise DiskFull("There is no room.")

    monkeypatch.setattr(tokens, "replace_file", full)
    assert office.method().secret(renew=True).reveal() in office.server.given
    assert office.cache.read_bytes() == before
    assert "sign_in=not_kept reason=disk_full" in caplog.text
    with pytest.raises(DiskFull):
        office.sign_in(lambda code: office.server.approve(code, USER))


def test_a_revoked_sign_in_needs_a_person(office: Office) -> None:
    office.approved()
    office.server.revoke(USER)
    with pytest.raises(CredentialsRefused, match="Run `appliance sign-in`") as refused:
        office.method().secret(renew=True)
    assert "invalid_grant, AADSTS50173" in str(refused.value)
    assert "rosa.told" not in "".join(traceback.format_exception(refused.value))


def without(kind: str) -> Callable[[bytes], bytes]:
    def damage(kept: bytes) -> bytes:
        return json.dumps({k: v for k, v in json.loads(kept).items() if k != kind}).encode()

    return damage


@pytest.mark.parametrize("renew", [False, True])
@pytest.mark.parametrize(
    "damage",
    [
        lambda kept: b"",
        lambda kept: kept[: len(kept) // 2],
        lambda kept: b"\0" * len(kept),
        lambda kept: b"\xff\xfe" + kept,
        lambda kept: b"[1, 2]",
        lambda kept: b'"text"',
        lambda kept: b'{"Account": {"a": "b"}}',
        lambda kept: b'{"Account": ["b"]}',
        lambda kept: kept.replace(b'"secret"', b'"sacret"'),
        lambda kept: kept.replace(b"127.0.0.1", b"127.0.0.2"),
        without("Account"),
    ],
)
def test_a_damaged_sign_in_is_like_none(
    office: Office, damage: Callable[[bytes], bytes], renew: bool
) -> None:
    office.approved()
    office.cache.write_bytes(damage(office.cache.read_bytes()))
    with pytest.raises(CredentialsRefused, match=r"no sign-in can be read.*`appliance sign-in`"):
        office.method().secret(renew=renew)


def test_a_time_that_is_none_is_damage_too(office: Office) -> None:
    office.approved()
    kept = office.cache.read_bytes()
    office.cache.write_bytes(kept.replace(b'"expires_on": "1', b'"expires_on": "x'))
    with pytest.raises(CredentialsRefused, match="no sign-in can be read"):
        office.method().secret(renew=False)


def test_a_sign_in_without_its_lasting_part_serves_until_its_token_ends(office: Office) -> None:
    office.approved()
    office.cache.write_bytes(without("RefreshToken")(office.cache.read_bytes()))
    method = office.method()
    assert method.secret(renew=False).reveal() in office.server.given
    with pytest.raises(CredentialsRefused, match="no sign-in can be read"):
        method.secret(renew=True)


def test_a_sign_in_that_cannot_be_read_is_a_matter_of_configuration(office: Office) -> None:
    office.cache.mkdir()
    with pytest.raises(ConfigError, match="cannot be read"):
        office.method().secret(renew=False)


# Microsoft, the application's own sign-in


def test_an_application_signs_in_with_its_secret(office: Office) -> None:
    office.server.client_secrets.add("app-secret")
    office.secrets.put("app", Secret("app-secret"))
    method = office.method(flow="secret", secret="app")
    first = method.secret(renew=False)
    assert first.reveal() in office.server.given
    assert method.secret(renew=False) == first
    assert office.server.requests["client_credentials"] == 1
    second = method.secret(renew=True)
    assert second != first
    assert method.secret(renew=False) == second
    assert office.server.requests["client_credentials"] == 2
    assert not office.cache.exists()


def test_a_wrong_secret_is_said_and_a_right_one_counts_at_once(office: Office) -> None:
    office.server.client_secrets.add("app-secret")
    office.secrets.put("app", Secret("wrong-secret"))
    method = office.method(flow="secret", secret="app")
    with pytest.raises(CredentialsRefused, match="the secret app") as refused:
        method.secret(renew=False)
    assert "invalid_client, AADSTS7000215" in str(refused.value)
    office.secrets.put("app", Secret("app-secret"))
    assert method.secret(renew=False).reveal() in office.server.given


def test_a_missing_secret_is_a_matter_of_configuration(office: Office) -> None:
    with pytest.raises(ConfigError, match="app is missing"):
        office.method(flow="secret", secret="app").secret(renew=False)


def self_signed(key: CertificateIssuerPrivateKeyTypes) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "appliance")])
    day = datetime(2026, 1, 1, tzinfo=UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(day)
        .not_valid_after(day + timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )


def pem(key: CertificateIssuerPrivateKeyTypes, passphrase: bytes | None = None) -> str:
    form: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        form = serialization.BestAvailableEncryption(passphrase)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, form
    ).decode()


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA1()])
@pytest.mark.parametrize("written", [str, str.upper, lambda text: ":".join(pairs(text))])
def test_an_application_signs_in_with_its_certificate(
    office: Office,
    key: rsa.RSAPrivateKey,
    algorithm: hashes.HashAlgorithm,
    written: Callable[[str], str],
) -> None:
    certificate = self_signed(key)
    thumbprint = certificate.fingerprint(algorithm)
    office.server.certificates[url_safe(thumbprint)] = key.public_key()
    office.secrets.put("app_key", Secret(pem(key)))
    method = office.method(
        flow="certificate", secret="app_key", thumbprint=written(thumbprint.hex())
    )
    first = method.secret(renew=False)
    assert first.reveal() in office.server.given
    assert method.secret(renew=True) != first
    assert office.server.requests["client_credentials"] == 2


def test_a_certificate_of_our_own_making_signs_in(office: Office) -> None:
    made = new_certificate("Mail appliance desk", office.clock.now())
    again = new_certificate("Mail appliance desk", office.clock.now())
    assert again.thumbprint != made.thumbprint
    certificate = x509.load_pem_x509_certificate(made.public.encode())
    assert certificate.fingerprint(hashes.SHA256()).hex().upper() == made.thumbprint
    assert certificate.not_valid_after_utc == made.ends.replace(microsecond=0)
    assert certificate.not_valid_before_utc < office.clock.now()
    public = certificate.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    office.server.certificates[url_safe(bytes.fromhex(made.thumbprint))] = public
    office.secrets.put("app_key", made.key)
    method = office.method(flow="certificate", secret="app_key", thumbprint=made.thumbprint)
    assert method.secret(renew=False).reveal() in office.server.given
    assert "PRIVATE" not in made.public + repr(made)


def pairs(text: str) -> list[str]:
    return [text[at : at + 2] for at in range(0, len(text), 2)]


def url_safe(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def test_a_certificate_with_another_key_is_refused(office: Office, key: rsa.RSAPrivateKey) -> None:
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    thumbprint = self_signed(key).fingerprint(hashes.SHA256())
    office.server.certificates[url_safe(thumbprint)] = key.public_key()
    office.secrets.put("app_key", Secret(pem(other)))
    method = office.method(flow="certificate", secret="app_key", thumbprint=thumbprint.hex())
    with pytest.raises(CredentialsRefused, match="invalid_client, AADSTS700027"):
        method.secret(renew=False)


def test_a_key_that_cannot_sign_is_a_matter_of_configuration(
    office: Office, key: rsa.RSAPrivateKey
) -> None:
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    for content in (
        "no key at all",
        pem(key)[:200],
        pem(key, b"passphrase"),
        public.decode(),
        pem(ec.generate_private_key(ec.SECP256R1())),
    ):
        office.secrets.put("app_key", Secret(content))
        method = office.method(flow="certificate", secret="app_key", thumbprint="ab" * 32)
        with pytest.raises(ConfigError, match="app_key is no private RSA key") as wrong:
            method.secret(renew=False)
        assert content not in "".join(traceback.format_exception(wrong.value))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"client_id": ""}, "client_id"),
        ({"flow": "secret", "authority": ""}, "tenant"),
        ({"flow": "secret", "authority": "https://login.microsoftonline.us"}, "tenant"),
        ({"flow": "secret", "authority": "https://login.microsoftonline.us/common"}, "tenant"),
    ],
)
def test_what_cannot_work_is_said_before_anybody_is_asked(
    office: Office, changes: dict[str, str], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        office.method(**changes)


def test_a_thumbprint_of_another_length_is_refused(office: Office) -> None:
    office.secrets.put("app_key", Secret("key"))
    method = office.method(flow="certificate", secret="app_key", thumbprint="abc")
    with pytest.raises(ConfigError, match="thumbprint"):
        method.secret(renew=False)


# Where the service is


@pytest.mark.parametrize(
    "authority",
    [
        "{base}/nobody.example",
        "{base}/" + TENANT + "/deeper",
        "login.example",
        "http://login.example/x",
    ],
)
def test_a_wrong_tenant_or_address_is_a_matter_of_configuration(
    office: Office, authority: str
) -> None:
    office.secrets.put("app", Secret("app-secret"))
    method = office.method(
        flow="secret", secret="app", authority=authority.format(base=office.server.base)
    )
    with pytest.raises(ConfigError, match="tenant"):
        method.secret(renew=False)


def test_the_tenant_is_put_behind_an_address_without_one(office: Office) -> None:
    office.server.client_secrets.add("app-secret")
    office.secrets.put("app", Secret("app-secret"))
    method = office.method(
        flow="secret", secret="app", authority=office.server.base + "/", tenant=TENANT
    )
    assert method.secret(renew=False).reveal() in office.server.given


def sources(office: Office) -> list[SignInMethod]:
    office.approved()
    office.server.client_secrets.add("app-secret")
    office.secrets.put("app", Secret("app-secret"))
    return [office.method(), office.method(flow="secret", secret="app"), office.google()]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("503", "503"),
        ("drop", "broke off"),
        ("page", "log-in page"),
        # Not followed: what is asked holds secrets.
        ("redirect", "log-in page"),
    ],
)
def test_trouble_on_the_way_heals_with_time(office: Office, fault: Any, words: str) -> None:
    for method in sources(office):
        office.server.fault = fault
        with pytest.raises(MailboxUnreachable, match=words) as trouble:
            method.secret(renew=True)
        assert "127.0.0.1" in str(trouble.value)
        office.server.fault = None
        assert method.secret(renew=True).reveal() in office.server.given


def test_a_service_that_hangs_is_given_up(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    methods = sources(office)
    monkeypatch.setattr(tokens, "TIMEOUT_SECONDS", 0.3)
    office.server.fault = "hang"
    for method in methods:
        with pytest.raises(MailboxUnreachable, match="no answer in time"):
            method.secret(renew=True)


def test_a_service_that_is_down_is_unreachable_at_once(
    secrets: Secrets, clock: FakeClock, tmp_path: Path
) -> None:
    with OAuthServer().running(tmp_path) as server:
        office = Office(server, secrets, clock, tmp_path / "sign-in.json")
        methods = sources(office)
        methods[0].secret(renew=True)
    for method in methods:
        with pytest.raises(MailboxUnreachable, match="cannot be reached"):
            method.secret(renew=True)
    # What is at hand serves as long as it is good.
    assert methods[0].secret(renew=False).reveal() in server.given


def test_a_certificate_nobody_vouches_for_is_not_trusted(office: Office) -> None:
    office.approved()
    method = open_method(
        office.settings,
        service="mail",
        secrets=office.secrets,
        cache=office.cache,
        clock=office.clock,
    )
    with pytest.raises(MailboxUnreachable, match=r"not trusted.*date"):
        method.secret(renew=False)


def test_an_authority_file_without_certificates_is_said(office: Office, tmp_path: Path) -> None:
    (tmp_path / "empty.pem").write_text("nothing")
    with pytest.raises(ConfigError, match=r"empty\.pem"):
        open_method(
            office.settings,
            service="mail",
            secrets=office.secrets,
            cache=office.cache,
            clock=office.clock,
            ca_file=tmp_path / "empty.pem",
        )


# Google


def test_google_gives_a_token_for_the_refresh_token(office: Office) -> None:
    method = office.google()
    first = method.secret(renew=False)
    assert method.bearer
    assert first.reveal() in office.server.given
    assert method.secret(renew=False) == first
    assert office.server.requests["refresh_token"] == 1


def test_googles_token_is_renewed_a_minute_before_it_ends(office: Office) -> None:
    method = office.google()
    first = method.secret(renew=False)
    office.clock.advance(timedelta(seconds=3539))
    assert method.secret(renew=False) == first
    office.clock.advance(timedelta(seconds=1))
    assert method.secret(renew=False) != first


def test_googles_token_is_renewed_when_it_was_refused(office: Office) -> None:
    method = office.google()
    first = method.secret(renew=False)
    second = method.secret(renew=True)
    assert second != first
    assert method.secret(renew=False) == second


def test_another_refresh_token_counts_at_once(office: Office) -> None:
    method = office.google()
    first = method.secret(renew=False)
    office.secrets.put("google_refresh", Secret(office.server.lasting("other@northgate.example")))
    assert method.secret(renew=False) != first


def test_google_that_forgot_the_refresh_token_needs_a_person(office: Office) -> None:
    method = office.google()
    office.server.revoke(USER)
    with pytest.raises(CredentialsRefused, match=r"invalid_grant.*Run `appliance sign-in`"):
        method.secret(renew=False)


def test_google_that_refuses_the_application_says_so(office: Office) -> None:
    method = office.google()
    office.server.client_secrets.clear()
    with pytest.raises(CredentialsRefused, match=r"invalid_client.*client_id"):
        method.secret(renew=False)


def test_google_is_asked_over_tls_alone(office: Office) -> None:
    office.google()
    changes = {**office.google_settings(), "authority": "http://127.0.0.1/token"}
    with pytest.raises(ConfigError, match="https"):
        office.method(**changes).secret(renew=False)


def consented(office: Office, scope: str = GMAIL) -> tuple[SignIn, Secret, str]:
    """Settings, verifier, and the address that the browser shows after the consent."""
    office.google()
    settings = replace(office.settings, **office.google_settings())  # type: ignore[arg-type]
    verifier = new_verifier()
    url = google_consent_url(settings, verifier)
    assert url.startswith("https://accounts.google.com/")
    assert verifier.reveal() not in url
    return settings, verifier, office.server.consent(url, USER, scope=scope)


def exchange(office: Office, settings: SignIn, answer: str, verifier: Secret) -> Secret:
    return google_exchange(
        settings,
        secrets=office.secrets,
        answer=answer,
        verifier=verifier,
        ca_file=office.server.ca_file,
    )


def code_of(address: str) -> str:
    return address.partition("code=")[2].partition("&")[0]


@pytest.mark.parametrize(
    "pasted",
    [
        lambda address: address,
        lambda address: f"  {address}\n",
        code_of,
        lambda address: code_of(address).replace("%2F", "/"),
    ],
)
def test_a_consent_becomes_a_refresh_token(office: Office, pasted: Callable[[str], str]) -> None:
    settings, verifier, address = consented(office)
    lasting = exchange(office, settings, pasted(address), verifier)
    assert office.server.refresh_tokens[lasting.reveal()] == USER
    office.secrets.put("google_refresh", lasting)
    assert office.method(**office.google_settings()).secret(renew=False)


def test_an_answer_to_another_attempt_is_refused(office: Office) -> None:
    settings, _, address = consented(office)
    with pytest.raises(CredentialsRefused, match="another attempt"):
        exchange(office, settings, address, new_verifier())
    with pytest.raises(CredentialsRefused, match="invalid_grant"):
        exchange(office, settings, code_of(address), new_verifier())


def test_a_code_is_good_once(office: Office) -> None:
    settings, verifier, address = consented(office)
    exchange(office, settings, address, verifier)
    with pytest.raises(CredentialsRefused, match="invalid_grant"):
        exchange(office, settings, address, verifier)


def test_a_declined_consent_is_said(office: Office) -> None:
    settings, verifier, address = consented(office)
    declined = address.replace("&code=", "&error=access_denied&x=")
    with pytest.raises(CredentialsRefused, match="declined"):
        exchange(office, settings, declined, verifier)


@pytest.mark.parametrize("text", ["", "http://127.0.0.1/", "{state}"])
def test_an_address_without_a_code_is_refused(office: Office, text: str) -> None:
    settings, verifier, address = consented(office)
    state = address.partition("&")[0]
    with pytest.raises(CredentialsRefused, match="whole address"):
        exchange(office, settings, text.format(state=state), verifier)


def test_a_consent_without_mail_is_refused(office: Office) -> None:
    settings, verifier, address = consented(office, scope="openid")
    with pytest.raises(CredentialsRefused, match="mail"):
        exchange(office, settings, address, verifier)


# All of them


def ask_together(office: Office, method: SignInMethod, renew: bool) -> set[Secret]:
    """What eight connections get that ask while the first of them waits for its answer."""
    office.server.gate.clear()
    together = threading.Barrier(9)

    def ask() -> Secret:
        together.wait()
        return method.secret(renew=renew)

    with ThreadPoolExecutor(8) as pool:
        asked = [pool.submit(ask) for _ in range(8)]
        together.wait()
        # Long enough for all to be at the lock; a test that cannot see them there needs this.
        sleep(0.3)
        office.server.gate.set()
        return {one.result() for one in asked}


def test_connections_that_renew_together_cause_one_request(office: Office) -> None:
    for method in sources(office):
        first = method.secret(renew=False)
        office.server.requests.clear()
        got = ask_together(office, method, renew=True)
        assert len(got) == 1
        assert first not in got
        assert sum(office.server.requests.values()) == 1


def test_first_connections_together_cause_one_request(office: Office) -> None:
    method = office.google()
    assert len(ask_together(office, method, renew=False)) == 1
    assert office.server.requests["refresh_token"] == 1


def test_a_mail_server_that_refuses_a_token_gets_a_new_one(office: Office) -> None:
    with Dovecot({USER: "unused"}, Setup(oauth=True)) as dovecot:
        # Good for msal, and past for the mail server.
        office.server.mint = lambda user, _: dovecot.jwt(user, -100)
        office.approved()
        office.server.mint = dovecot.jwt
        shown: list[Secret] = []

        def show(token: Secret) -> None:
            shown.append(token)
            with IMAPClient(dovecot.host, port=dovecot.imap, ssl=False, timeout=20) as client:
                try:
                    client.oauth2_login(USER, token.reveal())
                except LoginError as error:
                    raise CredentialsRefused("The token is past.") from error

        sign_in = signin.SignIn(office.method(), office.clock)
        sign_in.run(show)
        assert len(set(shown)) == 2
        sign_in.run(show)
        assert shown[2] == shown[1]


def test_no_secret_or_name_reaches_a_log_or_an_error(
    office: Office, caplog: pytest.LogCaptureFixture, key: rsa.RSAPrivateKey
) -> None:
    for name in ("", "msal", "msal.token_cache", "msal.oauth2cli.oauth2", "urllib3", "requests"):
        caplog.set_level(logging.DEBUG, logger=name)
    said: list[str] = []

    def ask(method: SignInMethod) -> None:
        for renew in (False, True):
            try:
                said.append(repr(method.secret(renew=renew)))
            except ApplianceError as error:
                said.extend(traceback.format_exception(error))

    methods = [*sources(office), certified(office, key)]
    for fault in (None, "503", "drop", "page", None):
        office.server.fault = fault
        for method in methods:
            ask(method)
    office.server.revoke(USER)
    office.server.client_secrets.clear()
    office.server.certificates.clear()
    for method in methods:
        ask(method)
    settings, verifier, address = consented(office)
    office.server.client_secrets.clear()
    with pytest.raises(CredentialsRefused) as refused:
        exchange(office, settings, address, verifier)
    said.extend(traceback.format_exception(refused.value))
    text = "\n".join([caplog.text, *said])
    assert "urllib3" in caplog.text
    assert "AADSTS50173" in text
    assert len(office.server.given | office.server.received) > 20
    canaries = office.server.given | office.server.received | {verifier.reveal(), USER, "rosa.told"}
    assert [canary for canary in canaries if canary in text] == []


def certified(office: Office, key: rsa.RSAPrivateKey) -> SignInMethod:
    thumbprint = self_signed(key).fingerprint(hashes.SHA256())
    office.server.certificates[url_safe(thumbprint)] = key.public_key()
    office.secrets.put("app_key", Secret(pem(key)))
    return office.method(flow="certificate", secret="app_key", thumbprint=thumbprint.hex())


def test_a_mailbox_with_a_password_loads_neither_library() -> None:
    program = (
        "import sys, appliance.mailbox.oauth;"
        "sys.exit(bool({'msal', 'requests', 'urllib3', 'jwt'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=False).returncode == 0
