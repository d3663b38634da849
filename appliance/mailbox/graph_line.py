"""HTTP to Microsoft Graph: sign-in, rest that the server asks for, and its errors in our words."""

import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote, urlsplit

from appliance.config.accounts import GraphSettings
from appliance.config.secrets import Secret
from appliance.domain.errors import CredentialsRefused, MailboxUnreachable
from appliance.domain.ports import Clock
from appliance.mailbox import tls
from appliance.mailbox.gate import Gate
from appliance.mailbox.graph_answer import (
    STUMBLED,
    UNAUTHORIZED,
    Answer,
    Broken,
    NotSent,
    error_of,
    rest_of,
    trouble,
)
from appliance.mailbox.graph_ask import Ask, values
from appliance.mailbox.mailstore import connect_seconds
from appliance.mailbox.signin import Bearer, SignIn

# They log addresses with what they ask for: whose mailbox, which mail.
for _name in ("urllib3", "requests"):
    logging.getLogger(_name).setLevel(logging.CRITICAL)

AT_ONCE: Final = 4
"""Requests that Graph lets an application make of one mailbox at the same time (its documented
limit of the Outlook service)."""

_IMMUTABLE: Final = 'IdType="ImmutableId"'


class Listener(Protocol):
    """What hears every exchange; gets no token."""

    def note(
        self,
        method: str,
        url: str,
        sent: bytes,
        status: int,
        headers: Mapping[str, str],
        received: bytes,
    ) -> None: ...


class GraphLine:
    """The connections of one account, at most ``AT_ONCE`` in use. Safe for threads.

    What changes something is never repeated by itself, unless a refused token kept it from being
    executed.
    """

    def __init__(
        self,
        settings: GraphSettings,
        *,
        sign_in: SignIn,
        clock: Clock,
        recorder: Listener | None = None,
    ) -> None:
        """Connects to nothing. Raises ConfigError: ``ca_file`` cannot be read."""
        self.gate = Gate(clock)
        self._settings = settings
        self._sign_in = sign_in
        self._clock = clock
        self._recorder = recorder
        self._slots = threading.BoundedSemaphore(AT_ONCE)
        self._lock = threading.Lock()
        self._session: Any = None
        endpoint = settings.endpoint.rstrip("/")
        self._trusted = tls.trusted(settings.ca_file)
        self._origin = urlsplit(endpoint)[:2]
        self._base = f"{endpoint}/v1.0/users/{quote(settings.mailbox, safe='@')}"

    def run(self, ask: Ask, *, accept: frozenset[int] = frozenset()) -> Answer:
        """The answer to a request.

        Args:
            ask: what is asked.
            accept: further statuses that are answers to the caller, and no errors.

        Raises:
            Gone: what the path names is not there (404).
            MailboxUnreachable: anything else that time may heal.
            CredentialsRefused: the token, or a right that is missing.
            ConfigError: there is no such mailbox, or the certificate is not trusted.
        """
        answer = self._read(ask) if ask.verb == "GET" else self._signed(ask)
        if not answer.good and answer.status not in accept:
            raise error_of(answer, ask.right)
        return answer

    def _read(self, ask: Ask) -> Answer:
        """Reading changes nothing, so it may be done twice where the line or the server stumbles.

        Else one lost answer in a hundred would keep a batch of mails from ever being read.
        """
        try:
            answer = self._signed(ask)
        except Broken:
            return self._signed(ask)
        return self._signed(ask) if answer.status in STUMBLED else answer

    def _signed(self, ask: Ask) -> Answer:
        answers: list[Answer] = []

        def show(token: Secret) -> None:
            with self._slots:
                self.gate.enter()
                answers.append(self._exchange(self._open(), ask, token))
            if answers[-1].status == UNAUTHORIZED:
                raise CredentialsRefused(str(error_of(answers[-1], ask.right)))

        self._sign_in.run(show)
        return answers[-1]

    def json(self, ask: Ask) -> dict[str, Any]:
        """The JSON object in the answer; raises as ``run``."""
        return self.run(ask).json()

    def items(self, ask: Ask) -> Iterator[dict[str, Any]]:
        """What a list holds, page after page; raises as ``run``."""
        while True:
            page = self.json(ask)
            yield from values(page)
            further = self.further(page, "nextLink")
            if not further or further == ask.query:
                return
            ask = replace(ask, query=further)

    def further(self, page: Mapping[str, Any], kind: Literal["nextLink", "deltaLink"]) -> str:
        """The query of a link in an answer, to be asked of the same path; empty: there is none.

        Raises:
            MailboxUnreachable: the link leads to another server, which shall not see a token.
        """
        link = page.get(f"@odata.{kind}")
        if not isinstance(link, str):
            return ""
        parts = urlsplit(link)
        if parts[:2] != self._origin or not parts.query:
            raise MailboxUnreachable("Microsoft Graph points to another server for what follows.")
        return parts.query

    def once(self, ask: Ask, before: Callable[[], None]) -> Answer:
        """One request on a connection of its own, so that it is known whether it was sent.

        ``before`` runs right before it, and again where a refused token is renewed in between.

        Raises:
            NotSent: the request never left this machine, or was refused with its token and could
                not be repeated.
            MailboxUnreachable: nobody knows; or the server wants rest, then ``before`` did not run.
            CredentialsRefused: no token was to be had, or the newest was refused.
            ConfigError: the certificate is not trusted.
        """
        answers: list[Answer] = []
        flying = False

        def show(token: Secret) -> None:
            nonlocal flying
            session = self._made()
            with self._slots, session:
                self.gate.enter()
                before()
                flying = True
                answers.append(self._exchange(session, ask, token))
                flying = False
            if answers[-1].status == UNAUTHORIZED:
                raise CredentialsRefused(str(error_of(answers[-1], ask.right)))

        try:
            self._sign_in.run(show)
        except MailboxUnreachable as error:
            if answers and not flying:
                raise NotSent(str(error)) from error
            raise
        return answers[-1]

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _open(self) -> Any:
        with self._lock:
            if self._session is None:
                self._session = self._made()
            return self._session

    def _made(self) -> Any:
        from http.cookiejar import DefaultCookiePolicy

        import requests
        from requests.adapters import HTTPAdapter

        session = requests.Session()
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(pool_connections=1, pool_maxsize=AT_ONCE, max_retries=0)
        session.mount("https://", adapter)
        session.mount("http://", adapter)
        return session

    def _exchange(self, session: Any, ask: Ask, token: Secret) -> Answer:
        import requests

        url = f"{self._base}{ask.path}" + (f"?{ask.query}" if ask.query else "")
        sent = b"" if ask.body is None else json.dumps(ask.body).encode("ascii")
        headers = {
            "Accept": "application/json, */*;q=0.5",
            "Prefer": f"{_IMMUTABLE}, {ask.prefer}" if ask.prefer else _IMMUTABLE,
            **({"Content-Type": "application/json"} if sent else {}),
        }
        try:
            with session.request(
                ask.verb,
                url,
                data=sent or None,
                headers=headers,
                auth=Bearer(token),
                timeout=(connect_seconds(self._settings), self._settings.timeout_seconds),
                # Of the session it would be second to the environment.
                verify=self._trusted,
                # A redirection would carry the token to another address.
                allow_redirects=False,
                stream=True,
            ) as response:
                answer = Answer(
                    status=response.status_code,
                    headers=response.headers,
                    body=_taken(response, ask.most),
                )
        except requests.RequestException as error:
            raise trouble(error, str(self._origin[1])) from error
        except OSError as error:
            raise Broken(f"{self._origin[1]}: the connection broke off.") from error
        rest = rest_of(answer, self._clock.now())
        if rest > 0:
            self.gate.shut(rest)
        if self._recorder is not None:
            self._recorder.note(
                ask.verb, url, sent, answer.status, answer.headers, answer.body or b""
            )
        return answer


def _taken(response: Any, most: int) -> bytes | None:
    pieces: list[bytes] = []
    size = 0
    for piece in response.iter_content(65_536):
        size += len(piece)
        if size > most:
            return None
        pieces.append(piece)
    return b"".join(pieces)
