"""Signing in with OAuth 2.0: Microsoft 365's tokens by msal, and which method an account uses."""

import logging
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from appliance.config.accounts import SignIn
from appliance.config.secrets import Secret, Secrets
from appliance.domain.errors import ConfigError, CredentialsRefused, MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox import tokens
from appliance.mailbox.google import GoogleTokens
from appliance.mailbox.scopes import Service, application_scopes, person_scopes
from appliance.mailbox.signin import SignInMethod

_MICROSOFT: Final = "https://login.microsoftonline.com"
_ANY_TENANT: Final = frozenset({"common", "organizations", "consumers"})
# RFC 8628 §3.5, and Microsoft's own words for the same.
_PENDING: Final = frozenset({"authorization_pending", "slow_down"})
_LOST_ANSWERS: Final = 3
_CHECK: Final = "client_id and tenant, and that the application may be a public client"
_SHA1: Final = re.compile(r"[0-9A-Fa-f]{40}")
_SHA256: Final = re.compile(r"[0-9A-Fa-f]{64}")


def open_method(
    settings: SignIn,
    *,
    service: Service,
    secrets: Secrets,
    cache: Path,
    clock: Clock,
    ca_file: Path | None = None,
) -> SignInMethod:
    """How an account of method microsoft or google signs in; asks nobody yet.

    Args:
        settings: ``[mailbox.sign_in]``, its method microsoft or google.
        service: what the tokens are for (google: IMAP and SMTP in any case).
        secrets: read anew at each use, so a changed one counts.
        cache: the file in which ``DeviceSignIn`` left the sign-in (microsoft, flow device).
        clock: measures how long a token of Google is good.
        ca_file: authorities (PEM) to trust instead of the system's.

    Raises:
        ConfigError: a setting that the method needs is missing or wrong.
    """
    https = tokens.Https(ca_file)
    if not settings.client_id:
        raise ConfigError(("mailbox.sign_in.client_id: the id of the application is missing.",))
    source: tokens.TokenSource
    if settings.method == "google":
        source = GoogleTokens(settings, secrets=secrets, clock=clock, https=https)
    elif settings.flow == "device":
        source = _PersonTokens(settings, service, kept=tokens.KeptSignIn(cache), https=https)
    else:
        source = _ApplicationTokens(settings, service, secrets=secrets, https=https)
    return tokens.TokenSignIn(user=settings.user, source=source)


class DeviceSignIn:
    """A person signs in to Microsoft 365 with a browser on any machine (RFC 8628)."""

    def __init__(
        self, settings: SignIn, *, service: Service, cache: Path, ca_file: Path | None = None
    ) -> None:
        """How to sign in; asks nobody yet.

        Args:
            settings: ``[mailbox.sign_in]`` of method microsoft, flow device.
            service: what the tokens are for.
            cache: the file in which to keep the sign-in; an older one is replaced.
            ca_file: authorities (PEM) to trust instead of the system's.

        Raises:
            ConfigError: ``ca_file`` cannot be used.
        """
        self._settings = settings
        self._scopes = person_scopes(service, _host(settings))
        self._cache = cache
        self._https = tokens.Https(ca_file)

    def run(self, show: Callable[[str, str], None], *, clock: Clock, stop: threading.Event) -> str:
        """Wait for a person.

        Args:
            show: gets the address to open and the code to type there.
            clock: measures how long the code is good.
            stop: ends the waiting.

        Returns:
            The user name of who signed in; it may be a delegate of the mailbox.

        Raises:
            CredentialsRefused: declined, too late, stopped, or the application is refused.
            MailboxUnreachable: the sign-in service does not answer.
            ConfigError, DiskFull: a setting is wrong, or the sign-in cannot be kept.
        """
        application = _public(self._settings, self._https)
        with _asking(self._settings):
            flow = application.initiate_device_flow(self._scopes)
        if "user_code" not in flow:
            raise tokens.refusal(flow, check=_CHECK)
        show(str(flow["verification_uri"]), str(flow["user_code"]))
        answer = self._answer(application, flow, clock, stop)
        tokens.KeptSignIn(self._cache).write(application.token_cache.serialize())
        return str(answer.get("id_token_claims", {}).get("preferred_username", ""))

    def _answer(
        self, application: Any, flow: dict[str, Any], clock: Clock, stop: threading.Event
    ) -> Mapping[str, Any]:
        """The answer once the person is done; a few questions in a row may stay without one."""
        until = clock.steady() + flow["expires_in"]
        lost = 0
        while not stop.wait(flow["interval"]):
            if clock.steady() >= until:
                raise tokens.refusal({"error": "expired_token"}, check=_CHECK)
            try:
                with _asking(self._settings):
                    answer: Mapping[str, Any] = application.acquire_token_by_device_flow(
                        flow, exit_condition=lambda _: True
                    )
            except MailboxUnreachable:
                lost += 1
                if lost > _LOST_ANSWERS:
                    raise
                continue
            lost = 0
            if answer.get("error") not in _PENDING:
                tokens.access_token(answer, check=_CHECK)
                return answer
        raise CredentialsRefused("The sign-in was broken off; nobody signed in.")


class _PersonTokens:
    """For a person who signed in once; a newer one may replace it any time."""

    def __init__(
        self,
        settings: SignIn,
        service: Service,
        *,
        kept: tokens.KeptSignIn,
        https: tokens.Https,
    ) -> None:
        self._settings = settings
        self._scopes = person_scopes(service, _host(settings))
        self._kept = kept
        self._https = https
        self._application: Any = None

    def token(self, *, renew: bool) -> Secret:
        content = self._kept.read()
        if content is None:
            raise CredentialsRefused(f"Nobody has signed in to this mailbox yet. {tokens.AGAIN}")
        application = self._application = self._application or _public(self._settings, self._https)
        cache = application.token_cache
        try:
            cache.deserialize(content)
            here = {"environment": application.authority.instance}
            account = [*cache.search(cache.CredentialType.ACCOUNT, query=here)].pop()
            with tokens.reaching(_host(self._settings)):
                answer = application.acquire_token_silent_with_error(
                    self._scopes, account, force_refresh=renew
                )
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            # What msal meets in content that it did not write.
            raise self._kept.damaged() from error
        if answer is None:
            raise self._kept.damaged()
        if cache.has_state_changed:
            self._kept.write(cache.serialize(), instead_of=content)
        return tokens.access_token(answer, check=_CHECK)


class _ApplicationTokens:
    """For the application itself, which has a secret or a certificate."""

    def __init__(
        self, settings: SignIn, service: Service, *, secrets: Secrets, https: tokens.Https
    ) -> None:
        if _authority(settings).rpartition("/")[2] in _ANY_TENANT:
            problem = "mailbox.sign_in.tenant: an application needs the tenant's own id or domain."
            raise ConfigError((problem,))
        self._settings = settings
        self._scopes = application_scopes(service, _host(settings))
        self._secrets = secrets
        self._https = https
        self._opened: tuple[Secret, Any] | None = None

    def token(self, *, renew: bool) -> Secret:
        name = self._settings.secret
        secret = self._secrets.get(name)
        if self._opened is None or self._opened[0] != secret:
            self._opened = (secret, self._open(secret))
        application = self._opened[1]
        if renew:
            application.remove_tokens_for_client()
        with _asking(self._settings):
            answer = application.acquire_token_for_client(self._scopes)
        check = f"client_id, tenant and the secret {name}; it may be too old"
        return tokens.access_token(answer, check=check)

    def _open(self, secret: Secret) -> Any:
        credential: str | dict[str, Any] = secret.reveal()
        if self._settings.flow == "certificate":
            credential = {"client_assertion": _assertion(self._settings, secret)}
        make = _msal().ConfidentialClientApplication
        return _opened(self._settings, self._https, make, client_credential=credential)


def _assertion(settings: SignIn, key: Secret) -> Callable[[Mapping[str, str]], str]:
    """What signs an assertion (RFC 7523 §2.2) with the certificate's key for each request."""
    from msal.oauth2cli import JwtAssertionCreator

    digits = re.sub(r"[:\s]", "", settings.thumbprint)
    if _SHA256.fullmatch(digits):
        creator = JwtAssertionCreator(key.reveal(), "PS256", sha256_thumbprint=digits)
    elif _SHA1.fullmatch(digits):
        # What Microsoft's portal shows is SHA-1, and people take what they see.
        creator = JwtAssertionCreator(key.reveal(), "RS256", sha1_thumbprint=digits)
    else:
        problem = "mailbox.sign_in.thumbprint: a SHA-256 thumbprint has 64 hexadecimal digits."
        raise ConfigError((problem,))

    def sign(context: Mapping[str, str]) -> str:
        try:
            signed: bytes = creator.create_normal_assertion(
                context["token_endpoint"], context["client_id"]
            )
        except Exception as error:
            # The signer's errors are those of a library behind msal: all mean the same here.
            problem = f"The secret {settings.secret} is no private RSA key (PEM, no passphrase)."
            raise ConfigError((problem,)) from error
        return signed.decode()

    return sign


def _public(settings: SignIn, https: tokens.Https) -> Any:
    make = _msal().PublicClientApplication
    return _opened(settings, https, make, token_cache=_msal().SerializableTokenCache())


def _opened(settings: SignIn, https: tokens.Https, make: Callable[..., Any], **more: Any) -> Any:
    """An application of msal, which asks the service for its addresses here."""
    with _asking(settings):
        return make(
            settings.client_id,
            authority=_authority(settings),
            # One address is configured: msal need not look for others of the same service.
            instance_discovery=False,
            http_client=https,
            **more,
        )


def _msal() -> Any:
    """The library, silenced: its logs hold user names, device codes and what it cannot read."""
    import msal

    for name in tuple(logging.root.manager.loggerDict):
        if name.partition(".")[0] == "msal":
            logging.getLogger(name).disabled = True
    return msal


def _authority(settings: SignIn) -> str:
    address = settings.authority.rstrip("/") or _MICROSOFT
    return address if urlsplit(address).path else f"{address}/{settings.tenant}"


def _host(settings: SignIn) -> str:
    return urlsplit(_authority(settings)).netloc


@contextmanager
def _asking(settings: SignIn) -> Iterator[None]:
    """What msal raises for an address where no such service is becomes ConfigError."""
    try:
        with tokens.reaching(_host(settings)):
            yield
    except ValueError as error:
        problem = f"mailbox.sign_in: {_authority(settings)} knows no such tenant, or is no service."
        raise ConfigError((problem,)) from error
