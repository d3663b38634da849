"""A sign-in service on 127.0.0.1: enough of Microsoft's v2.0 endpoints for msal, and Google's tokens.

It is our own reading of both; no real tenant was asked.
"""

import base64
import hashlib
import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, Literal
from urllib.parse import parse_qs, urlsplit

import jwt
import trustme
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

TENANT = "northgate.example"
CLIENT = "11111111-2222-3333-4444-555555555555"
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
GMAIL = "https://mail.google.com/"

Fault = Literal["503", "drop", "hang", "page", "redirect"]
Form = dict[str, str]


class Refused(Exception):
    """An error answer (RFC 6749 §5.2), with Microsoft's numbers."""

    def __init__(self, error: str, *codes: int, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.codes = codes
        self.status = status


@dataclass(slots=True)
class Device:
    """A device code that was given out."""

    code: str
    user_code: str
    scope: str
    state: Literal["pending", "declined", "expired"] | None = "pending"
    user: str = ""


@dataclass(slots=True)
class Consent:
    """What a person allowed on Google's page."""

    user: str
    challenge: str
    redirect_uri: str
    scope: str


def _opaque(user: str, seconds: float) -> str:
    return f"access-{token_urlsafe(24)}"


@dataclass(slots=True, kw_only=True)
class OAuthServer:
    """Keeps who may sign in and what it gave out; safe to change while it runs."""

    mint: Callable[[str, float], str] = _opaque
    client_secrets: set[str] = field(default_factory=set)
    certificates: dict[str, RSAPublicKey] = field(default_factory=dict)  # by x5t or x5t#S256
    expires_in: int = 3600
    interval: int = 0
    device_seconds: int = 900
    fault: Fault | None = None
    fault_paths: tuple[str, ...] = ("",)  # ends of the paths that the fault strikes
    rotate: bool = True  # each refresh gives another refresh token, the old one stays good
    app_user: str = "office@northgate.example"  # whom an application's token is minted for
    requests: Counter[str] = field(default_factory=Counter)  # by grant, or by end of the path
    given: set[str] = field(default_factory=set)  # every secret that left the server
    meant: dict[str, str] = field(default_factory=dict)  # access token → scopes it was given for
    received: set[str] = field(default_factory=set)  # every one that came
    devices: dict[str, Device] = field(default_factory=dict)
    refresh_tokens: dict[str, str] = field(default_factory=dict)  # to the user
    revoked: set[str] = field(default_factory=set)
    consents: dict[str, Consent] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    gate: threading.Event = field(default_factory=threading.Event)  # cleared: answers wait
    _over: threading.Event = field(default_factory=threading.Event)
    _http: ThreadingHTTPServer | None = None
    ca_file: Path = Path()

    @contextmanager
    def running(self, directory: Path) -> Iterator["OAuthServer"]:
        """Serve on a free port; the authority to trust is written to ``ca_file``."""
        authority = trustme.CA()
        self.ca_file = directory / "oauth-ca.pem"
        authority.cert_pem.write_to_path(str(self.ca_file))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
        http = _Server(("127.0.0.1", 0), _Handler)
        http.oauth = self
        http.context = context
        self._http = http
        self.gate.set()
        thread = threading.Thread(target=http.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self.gate.set()
            http.shutdown()
            http.server_close()
            thread.join(5)

    @property
    def base(self) -> str:
        """``https://127.0.0.1:port``."""
        assert self._http is not None
        return f"https://127.0.0.1:{self._http.server_address[1]}"

    @property
    def authority(self) -> str:
        """For ``SignIn.authority`` of method microsoft."""
        return f"{self.base}/{TENANT}"

    @property
    def google(self) -> str:
        """For ``SignIn.authority`` of method google."""
        return f"{self.base}/google/token"

    # What people and administrators do.

    def approve(self, user_code: str, user: str) -> None:
        """A person typed the code into the browser and signed in."""
        device = self._device(user_code)
        device.user, device.state = user, None

    def decline(self, user_code: str) -> None:
        """A person typed the code and pressed cancel."""
        self._device(user_code).state = "declined"

    def expire(self, user_code: str) -> None:
        """Nobody came in time."""
        self._device(user_code).state = "expired"

    def _device(self, user_code: str) -> Device:
        return next(one for one in self.devices.values() if one.user_code == user_code)

    def lasting(self, user: str) -> str:
        """A new refresh token of ``user``."""
        token = f"refresh-{token_urlsafe(24)}"
        self.refresh_tokens[token] = user
        self.given.add(token)
        return token

    def revoke(self, user: str) -> None:
        """Every refresh token of ``user`` stops counting: a new password, an administrator."""
        self.revoked |= {token for token, owner in self.refresh_tokens.items() if owner == user}

    def consent(self, url: str, user: str, *, scope: str = GMAIL) -> str:
        """A person allows access on Google's page ``url``; the address the browser is sent to."""
        fields = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert fields["code_challenge_method"] == "S256"
        assert fields["response_type"] == "code"
        # A real one holds a slash too.
        code = f"4/{token_urlsafe(24)}"
        self.given.add(code)
        self.consents[code] = Consent(user, fields["code_challenge"], fields["redirect_uri"], scope)
        quoted = code.replace("/", "%2F")
        return f"{fields['redirect_uri']}/?state={fields['state']}&code={quoted}&scope={scope}"

    # What programs ask.

    def answer(self, path: str, form: Form) -> dict[str, Any]:
        """The answer to a request, or Refused."""
        tenant, _, rest = path.strip("/").partition("/")
        if rest == "v2.0/.well-known/openid-configuration":
            if tenant != TENANT:
                raise Refused("invalid_tenant", 90002)
            return self._discovery()
        if path == "/google/token":
            return self._google(form)
        if tenant == TENANT and rest == "oauth2/v2.0/devicecode":
            return self._new_device(form)
        if tenant == TENANT and rest == "oauth2/v2.0/token":
            return self._microsoft(form)
        raise Refused("not_found", status=404)

    def _discovery(self) -> dict[str, Any]:
        endpoints = f"{self.authority}/oauth2/v2.0"
        return {
            "issuer": f"{self.authority}/v2.0",
            "authorization_endpoint": f"{endpoints}/authorize",
            "token_endpoint": f"{endpoints}/token",
            "device_authorization_endpoint": f"{endpoints}/devicecode",
        }

    def _new_device(self, form: Form) -> dict[str, Any]:
        if form.get("client_id") != CLIENT:
            raise Refused("unauthorized_client", 700016)
        device = Device(f"device-{token_urlsafe(24)}", token_urlsafe(6).upper(), form["scope"])
        self.devices[device.code] = device
        self.given.add(device.code)
        return {
            "device_code": device.code,
            "user_code": device.user_code,
            "verification_uri": f"{self.base}/device",
            "expires_in": self.device_seconds,
            "interval": self.interval,
            "message": f"Open {self.base}/device and enter {device.user_code}.",
        }

    def _microsoft(self, form: Form) -> dict[str, Any]:
        if form.get("client_id") != CLIENT:
            raise Refused("unauthorized_client", 700016)
        match form.get("grant_type"):
            case grant if grant == DEVICE_GRANT:
                return self._by_device(form)
            case "refresh_token":
                user = self._user_of(form["refresh_token"], 50173)
                token = self.lasting(user) if self.rotate else form["refresh_token"]
                return self._person(user, form["scope"], token)
            case "client_credentials":
                return self._by_application(form)
            case _:
                raise Refused("unsupported_grant_type", 70003)

    def _by_device(self, form: Form) -> dict[str, Any]:
        device = self.devices.get(form["device_code"])
        if device is None:
            raise Refused("bad_verification_code", 70019)
        if device.state is not None:
            error = {
                "pending": ("authorization_pending", 70016),
                "declined": ("authorization_declined", 70020),
                "expired": ("expired_token", 70020),
            }[device.state]
            raise Refused(*error)
        return self._person(device.user, device.scope, self.lasting(device.user))

    def _user_of(self, refresh_token: str, code: int | None = None) -> str:
        if refresh_token in self.revoked or refresh_token not in self.refresh_tokens:
            raise Refused("invalid_grant", *(() if code is None else (code,)))
        return self.refresh_tokens[refresh_token]

    def _person(self, user: str, scope: str, refresh_token: str) -> dict[str, Any]:
        who = hashlib.sha256(user.encode()).hexdigest()[:32]
        claims = {"sub": who, "oid": who, "preferred_username": user, "aud": CLIENT}
        return {
            **self._access(user, scope),
            "scope": " ".join(one for one in scope.split() if one.startswith("https:")),
            "refresh_token": refresh_token,
            "id_token": f"{_part({'alg': 'none'})}.{_part(claims)}.",
            "client_info": _part({"uid": who, "utid": TENANT}),
        }

    def _access(self, user: str, scope: str) -> dict[str, Any]:
        token = self.mint(user, self.expires_in)
        self.given.add(token)
        self.meant[token] = scope
        return {"token_type": "Bearer", "expires_in": self.expires_in, "access_token": token}

    def _by_application(self, form: Form) -> dict[str, Any]:
        if not form["scope"].endswith("/.default"):
            raise Refused("invalid_scope", 1002012)
        if form.get("client_assertion_type") == ASSERTION_TYPE:
            self._check_assertion(form["client_assertion"])
        elif form.get("client_secret") not in self.client_secrets:
            raise Refused("invalid_client", 7000215, status=401)
        return self._access(self.app_user, form["scope"])

    def _check_assertion(self, assertion: str) -> None:
        """RFC 7523 §3: signed by a key we know, for this endpoint, by and for this client."""
        head = jwt.get_unverified_header(assertion)
        strong = head["alg"] == "PS256"
        # RFC 7515 §4.1.7 wants no padding; msal writes it.
        key = self.certificates.get(head.get("x5t#S256" if strong else "x5t", "").rstrip("="))
        if key is None:
            raise Refused("invalid_client", 700027, status=401)
        try:
            claims = jwt.decode(
                assertion,
                key,
                algorithms=["PS256" if strong else "RS256"],
                audience=self._discovery()["token_endpoint"],
                issuer=CLIENT,
                options={"require": ["exp", "iat", "jti", "sub"]},
            )
        except jwt.InvalidTokenError as error:
            raise Refused("invalid_client", 700027, status=401) from error
        if claims["sub"] != CLIENT:
            raise Refused("invalid_client", 700030, status=401)

    def _google(self, form: Form) -> dict[str, Any]:
        if form.get("client_id") != CLIENT or form.get("client_secret") not in self.client_secrets:
            raise Refused("invalid_client", status=401)
        match form.get("grant_type"):
            case "refresh_token":
                user = self._user_of(form["refresh_token"])
                return {**self._access(user, GMAIL), "scope": GMAIL}
            case "authorization_code":
                consent = self.consents.pop(form["code"], None)
                digest = hashlib.sha256(form["code_verifier"].encode()).digest()
                challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
                if (
                    consent is None
                    or consent.challenge != challenge
                    or consent.redirect_uri != form["redirect_uri"]
                ):
                    raise Refused("invalid_grant")
                lasting = {"refresh_token": self.lasting(consent.user)}
                return {**self._access(consent.user, GMAIL), **lasting, "scope": consent.scope}
            case _:
                raise Refused("unsupported_grant_type")


def _part(claims: dict[str, str]) -> str:
    """A part of a JWT (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    oauth: OAuthServer
    context: ssl.SSLContext

    def finish_request(self, request: Any, client_address: Any) -> None:
        # Here and not at accept(): a slow client must not keep the others waiting.
        with self.context.wrap_socket(request, server_side=True) as wrapped:
            super().finish_request(wrapped, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 20

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Silent."""

    def do_GET(self) -> None:
        self._respond({})

    def do_POST(self) -> None:
        content = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self._respond({name: values[0] for name, values in parse_qs(content).items()})

    def _respond(self, form: Form) -> None:
        oauth = self.server.oauth
        path = urlsplit(self.path).path
        named = form.get("grant_type", path.rpartition("/")[2])
        with oauth.lock:
            oauth.requests[named] += 1
            secret = ("client_secret", "client_assertion", "refresh_token", "code_verifier")
            oauth.received |= {form[name] for name in secret if name in form}
            struck = path.endswith(oauth.fault_paths)
        oauth.gate.wait(20)
        if oauth.fault is not None and struck:
            self._fail(oauth.fault)
            return
        try:
            with oauth.lock:
                answer, status = oauth.answer(path, form), 200
        except Refused as refused:
            answer, status = _refusal(refused), refused.status
        self._send(status, "application/json", json.dumps(answer).encode())

    def _fail(self, fault: Fault) -> None:
        match fault:
            case "503":
                self._send(503, "text/html", b"<html>Service Unavailable</html>")
            case "page":
                self._send(200, "text/html", b"<html>Welcome to the hotel's network</html>")
            case "redirect":
                self._send(307, "text/html", b"<html>Moved</html>")
            case "drop":
                self.close_connection = True
            case "hang":
                self.server.oauth._over.wait(20)

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        if status == 307:
            self.send_header("Location", f"{self.server.oauth.base}/elsewhere")
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _refusal(refused: Refused) -> dict[str, Any]:
    numbers = {"error_codes": list(refused.codes)} if refused.codes else {}
    # Microsoft's descriptions name people; nobody may show them.
    told = f"AADSTS{refused.codes}: user rosa.told@northgate.example, Trace ID: 0f0f"
    return {"error": refused.error, "error_description": told, **numbers}
