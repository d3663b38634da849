"""Gmail's tokens: a person's consent in a browser, and the access tokens that follow from it."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlencode, urlsplit

from appliance.config.accounts import SignIn
from appliance.config.secrets import Secret, Secrets
from appliance.domain.errors import ConfigError, CredentialsRefused
from appliance.domain.ports import Clock
from appliance.mailbox.tokens import AGAIN, DECLINED, Https, access_token, reaching

_GOOGLE: Final = "https://oauth2.googleapis.com/token"
_CONSENT: Final = "https://accounts.google.com/o/oauth2/v2/auth"
_GMAIL: Final = "https://mail.google.com/"
_REDIRECT: Final = "http://127.0.0.1"
_EARLY_SECONDS: Final = 60.0


def new_verifier() -> Secret:
    """A code verifier (RFC 7636 §4.1) for one consent."""
    return Secret(token_urlsafe(48))


def google_consent_url(settings: SignIn, verifier: Secret) -> str:
    """The page on which the mailbox's owner allows access, for a browser on any machine.

    Args:
        settings: ``[mailbox.sign_in]`` of method google.
        verifier: of this attempt; ``google_exchange`` takes the same.
    """
    fields = {
        "client_id": settings.client_id,
        "redirect_uri": _REDIRECT,
        "response_type": "code",
        "scope": _GMAIL,
        "access_type": "offline",
        # Without it, Google gives a refresh token at the first consent alone.
        "prompt": "consent",
        "login_hint": settings.user,
        "state": _state(verifier),
        "code_challenge": _digest(verifier.reveal()),
        "code_challenge_method": "S256",
    }
    return f"{_CONSENT}?{urlencode(fields)}"


def google_exchange(
    settings: SignIn,
    *,
    secrets: Secrets,
    answer: str,
    verifier: Secret,
    ca_file: Path | None = None,
) -> Secret:
    """The refresh token for what Google gave the browser.

    Args:
        settings: ``[mailbox.sign_in]`` of method google.
        secrets: hold ``settings.client_secret``.
        answer: the address to which the browser was sent (``http://127.0.0.1/?…``), or its code.
        verifier: the one of ``google_consent_url``.
        ca_file: authorities (PEM) to trust instead of the system's.

    Raises:
        CredentialsRefused: declined, of another attempt, used before, or refused by Google.
        MailboxUnreachable: Google does not answer.
        ConfigError: a secret or setting is missing or unreadable.
    """
    fields = {
        "grant_type": "authorization_code",
        "code": _code(answer.strip(), _state(verifier)),
        "code_verifier": verifier.reveal(),
        "redirect_uri": _REDIRECT,
        "client_secret": secrets.get(settings.client_secret).reveal(),
    }
    given = _google(settings, Https(ca_file), fields)
    lasting = given.get("refresh_token")
    if not lasting or _GMAIL not in str(given.get("scope", _GMAIL)).split():
        raise CredentialsRefused(f"Google gave no lasting access to the mail. {AGAIN}")
    return Secret(str(lasting))


class GoogleTokens:
    """Access tokens of Gmail for a refresh token (RFC 6749 §6), kept in memory until they end."""

    def __init__(self, settings: SignIn, *, secrets: Secrets, clock: Clock, https: Https) -> None:
        self._settings = settings
        self._secrets = secrets
        self._clock = clock
        self._https = https
        self._kept: tuple[Secret, Secret, Secret] | None = None
        self._until = 0.0

    def token(self, *, renew: bool) -> Secret:
        lasting = self._secrets.get(self._settings.secret)
        client = self._secrets.get(self._settings.client_secret)
        kept = self._kept
        good = self._clock.steady() < self._until
        if kept and good and not renew and kept[:2] == (lasting, client):
            return kept[2]
        fields = {
            "grant_type": "refresh_token",
            "refresh_token": lasting.reveal(),
            "client_secret": client.reveal(),
        }
        asked = self._clock.steady()
        given = _google(self._settings, self._https, fields)
        token = Secret(str(given["access_token"]))
        lasts = given.get("expires_in")
        self._kept = (lasting, client, token)
        self._until = asked + (lasts if isinstance(lasts, int) else 0) - _EARLY_SECONDS
        return token


def _google(settings: SignIn, https: Https, fields: Mapping[str, str]) -> Mapping[str, Any]:
    """An answer of the token endpoint that holds an access token."""
    address = settings.authority or _GOOGLE
    if not address.startswith("https://"):
        raise ConfigError(("mailbox.sign_in.authority: an address that begins with https://.",))
    with reaching(urlsplit(address).netloc):
        response = https.post(address, data={"client_id": settings.client_id, **fields})
    answer: dict[str, Any] = response.json()
    access_token(answer, check="client_id and the secret that client_secret names")
    return answer


def _digest(text: str) -> str:
    """The S256 form (RFC 7636 §4.2)."""
    digest = hashlib.sha256(text.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _state(verifier: Secret) -> str:
    """What tells one attempt's answer from another's (RFC 6749 §10.12)."""
    return _digest(f"state {verifier.reveal()}")


def _code(answer: str, state: str) -> str:
    """The authorization code in what a person pasted; a bare one is bound by the verifier alone."""
    if "?" not in answer:
        if not answer or "://" in answer:
            raise CredentialsRefused("There is no code in this; paste the whole address.")
        return unquote(answer)
    fields = parse_qs(urlsplit(answer).query)
    if not hmac.compare_digest(fields.get("state", [""])[0].encode(), state.encode()):
        raise CredentialsRefused(
            "This address belongs to another attempt; open the address that was shown last."
        )
    if "error" in fields:
        raise CredentialsRefused(DECLINED)
    if "code" not in fields:
        raise CredentialsRefused("There is no code in this; paste the whole address.")
    return fields["code"][0]
