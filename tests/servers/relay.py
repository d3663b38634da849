"""A mail relay in a thread: it keeps what it takes, and refuses, drops or hangs when told to."""

import asyncio
import base64
import ssl
import threading
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from email import message_from_bytes
from email.utils import format_datetime, localtime
from functools import partial
from typing import Any, Final, Literal, Self

import trustme
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

AFTER_THE_DOT: Final = "END"
CONNECT: Final = "CONNECT"
LONGEST_LINE: Final = 1000  # RFC 5321 section 4.5.3.1.6, with CRLF
Method = Callable[[str | None], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A mail that the relay answered with 250, or took without an answer."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    message_id: str
    login: str | None
    encrypted: bool


@dataclass(slots=True, kw_only=True)
class Trouble:
    """What is done instead of the usual answer, ``times`` times after ``after`` good ones."""

    how: Literal["reply", "drop", "hang"]
    reply: str = ""
    taken: bool = False
    only: str = ""
    after: int = 0
    times: int | None = None

    def applies(self, argument: str) -> bool:
        if self.only not in argument or self.times == 0:
            return False
        if self.after > 0:
            self.after -= 1
            return False
        if self.times is not None:
            self.times -= 1
        return True


class Relay:
    """An SMTP server on 127.0.0.1; use it in ``with``.

    ``users`` (name to password) or ``tokens`` make a login necessary; both may change while it
    runs. ``forward(recipient, raw, sender)`` gets each mail that was taken, with a Received field
    and without the fields named in ``strip`` (``X-*`` for all that begin so).
    """

    host = "127.0.0.1"

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        tokens: Iterable[str] | None = None,
        tls: Literal["no", "starttls", "implicit"] = "no",
        require_tls: bool = False,
        ca: trustme.CA | None = None,
        certificate_names: tuple[str, ...] = ("127.0.0.1", "localhost"),
        smtputf8: bool = True,
        largest: int = 33_554_432,
        forward: Callable[[str, bytes, str], None] | None = None,
        strip: tuple[str, ...] = (),
    ) -> None:
        self.users = None if users is None else dict(users)
        self.tokens = None if tokens is None else set(tokens)
        self.tls, self.require_tls = tls, require_tls
        self.ca = ca or trustme.CA()
        self.smtputf8, self.largest = smtputf8, largest
        self.forward, self.strip = forward, strip
        self.port = 0
        self._context: ssl.SSLContext | None = None
        if tls != "no":
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.ca.issue_cert(*certificate_names).configure_cert(self._context)
        self._changed = threading.Condition()
        self._taken: list[Taken] = []
        self._seen: Counter[str] = Counter()
        self._troubles: defaultdict[str, list[Trouble]] = defaultdict(list)
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listens, on the port of the last time if there was one."""
        listening = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(listening,), daemon=True)
        self._thread.start()
        assert listening.wait(10)

    def stop(self) -> None:
        """Cuts every connection and listens no more; what was taken and told is kept."""
        thread, self._thread = self._thread, None
        if thread is not None:
            self._loop.call_soon_threadsafe(self._ended.set)
            thread.join(10)
            assert not thread.is_alive()

    def _run(self, listening: threading.Event) -> None:
        asyncio.run(self._serve(listening))

    async def _serve(self, listening: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._ended, self.released = asyncio.Event(), asyncio.Event()
        self.sessions: set[Conversation] = set()
        context = self._context if self.tls == "implicit" else None
        server = await self._loop.create_server(
            self._conversation, self.host, self.port, ssl=context
        )
        self.port = server.sockets[0].getsockname()[1]
        listening.set()
        await self._ended.wait()
        server.close()
        for session in tuple(self.sessions):
            session.cut()

    def _conversation(self) -> "Conversation":
        conversation = Conversation(self, self._context if self.tls == "starttls" else None)
        self.sessions.add(conversation)
        return conversation

    def refuse(self, stage: str, reply: str, **more: Any) -> None:
        """Answer ``stage`` with ``reply`` such as "451 4.3.0 Later"; 421 also closes.

        ``stage`` is CONNECT, a command in capitals, or AFTER_THE_DOT. ``more``, here and in
        ``drop`` and ``hang``: ``times`` (always, where it is not given), ``after`` so many good
        answers, ``only`` where the argument of the command contains this text.
        """
        self._add(stage, Trouble(how="reply", reply=reply, **more))

    def drop(self, stage: str, **more: Any) -> None:
        """Close without a word; with ``taken=True`` after the dot the mail was taken before."""
        self._add(stage, Trouble(how="drop", **more))

    def hang(self, stage: str, **more: Any) -> None:
        """Say nothing until ``behave``; ``taken=True`` as in ``drop``."""
        self._add(stage, Trouble(how="hang", **more))

    def _add(self, stage: str, trouble: Trouble) -> None:
        assert stage == stage.upper()
        with self._changed:
            self._troubles[stage].append(trouble)

    def behave(self) -> None:
        """No more trouble; whoever hangs is cut."""
        with self._changed:
            self._troubles.clear()
        if self._thread is not None:
            self._loop.call_soon_threadsafe(self._release)

    def _release(self) -> None:
        self.released.set()
        self.released = asyncio.Event()

    def trouble(self, stage: str, argument: str = "") -> Trouble | None:
        with self._changed:
            self._seen[stage] += 1
            self._changed.notify_all()
            told = self._troubles[stage]
            return next((trouble for trouble in told if trouble.applies(argument)), None)

    def seen(self, stage: str) -> int:
        """How often a stage was reached, well or not."""
        with self._changed:
            return self._seen[stage]

    def take(self, mail: Taken) -> None:
        with self._changed:
            self._taken.append(mail)
            self._changed.notify_all()

    @property
    def mails(self) -> tuple[Taken, ...]:
        """Every mail that was taken, oldest first."""
        with self._changed:
            return tuple(self._taken)

    def count(self, message_id: str) -> int:
        """How often a mail with this Message-ID (without angle brackets) was taken."""
        return Counter(mail.message_id for mail in self.mails)[message_id]

    def wait(self, count: int = 1, seconds: float = 20) -> tuple[Taken, ...]:
        """The mails, as soon as there are ``count``."""
        with self._changed:
            assert self._changed.wait_for(lambda: len(self._taken) >= count, seconds)
        return self.mails

    def wait_seen(self, stage: str, count: int = 1, seconds: float = 20) -> None:
        """Returns as soon as a stage was reached ``count`` times."""
        with self._changed:
            assert self._changed.wait_for(lambda: self._seen[stage] >= count, seconds)

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, login: Any
    ) -> AuthResult:
        well = isinstance(login, LoginPassword) and (
            (self.users or {}).get(login.login.decode()) == login.password.decode()
        )
        return AuthResult(success=well, handled=False, auth_data=login)

    def passed_on(self, mail: Taken) -> bytes:
        """The mail as the next server gets it: one Received field more, stripped ones less."""
        head, gap, body = mail.raw.partition(b"\r\n\r\n")
        fields = head.replace(b"\r\n ", b"\0 ").replace(b"\r\n\t", b"\0\t").split(b"\r\n")
        kept = [field for field in fields if not self._stripped(field)]
        received = (
            f"Received: from client ([127.0.0.1])\r\n\tby relay.example with ESMTP;"
            f" {format_datetime(localtime())}\r\n"
        )
        return received.encode() + b"\r\n".join(kept).replace(b"\0", b"\r\n") + gap + body

    def _stripped(self, field: bytes) -> bool:
        name = field.partition(b":")[0].decode("latin-1").strip().lower()
        return any(
            name.startswith(pattern[:-1].lower())
            if pattern.endswith("*")
            else name == pattern.lower()
            for pattern in self.strip
        )


class Conversation(SMTP):
    """One connection to the relay."""

    line_length_limit = 65_536  # an access token is one line; those of a mail are measured below
    command_size_limits = defaultdict(lambda: 65_536)  # noqa: RUF012  # as aiosmtpd has it

    def __init__(self, relay: Relay, context: ssl.SSLContext | None) -> None:
        self.relay = relay
        excluded = () if relay.users is not None else ("LOGIN", "PLAIN")
        super().__init__(
            Hooks(),
            data_size_limit=relay.largest,
            enable_SMTPUTF8=relay.smtputf8,
            hostname="relay.example",
            tls_context=context,
            require_starttls=relay.require_tls,
            auth_require_tls=context is not None,
            auth_exclude_mechanism=(*excluded, *(() if relay.tokens is not None else ("XOAUTH2",))),
            authenticator=relay.authenticate,
            loop=asyncio.get_running_loop(),
        )
        # Not by the constructor, which warns where a login goes without TLS.
        self._auth_required = relay.users is not None or relay.tokens is not None
        for name, method in self._smtp_methods.items():
            self._smtp_methods[name] = partial(self._guarded, name, method)

    def connection_lost(self, error: Exception | None) -> None:
        self.relay.sessions.discard(self)
        super().connection_lost(error)

    def cut(self) -> None:
        if isinstance(self.transport, asyncio.Transport) and not self.transport.is_closing():
            self.transport.abort()

    async def _handle_client(self) -> None:
        trouble = self.relay.trouble(CONNECT)
        if trouble is None:
            await super()._handle_client()
        else:
            await self.push(await self.answer(trouble, closing=True))

    async def _guarded(self, name: str, method: Method, argument: str | None) -> None:
        trouble = self.relay.trouble(name, argument or "")
        if trouble is None:
            await method(argument)
        else:
            await self.push(await self.answer(trouble))

    async def answer(self, trouble: Trouble, *, closing: bool = False) -> str:
        """The reply to be given; where none is, it ends with the connection."""
        if trouble.how == "reply":
            if (closing or trouble.reply.startswith("421")) and self.transport is not None:
                self.loop.call_soon(self.transport.close)
            return trouble.reply
        if trouble.how == "hang":
            await self.relay.released.wait()
        self.cut()
        return await self.loop.create_future()  # type: ignore[no-any-return]  # cancelled by the cut

    def taken(self, envelope: Envelope) -> Taken:
        assert self.session is not None
        raw = envelope.original_content or b""
        login: object = self.session.auth_data
        return Taken(
            sender=envelope.mail_from or "",
            recipients=tuple(envelope.rcpt_tos),
            raw=raw,
            message_id=str(message_from_bytes(raw).get("Message-ID", "")).strip(" <>"),
            login=login.login.decode() if isinstance(login, LoginPassword) else None,
            encrypted=self.session.ssl is not None or self.relay.tls == "implicit",
        )


class Hooks:
    """What aiosmtpd asks of a handler."""

    async def handle_EHLO(  # noqa: N802  # the name is aiosmtpd's
        self,
        server: Conversation,
        session: Session,
        envelope: Envelope,
        hostname: str,
        replies: list[str],
    ) -> list[str]:
        session.host_name = hostname
        return [reply for reply in replies if reply != "250-AUTH "]

    async def handle_DATA(  # noqa: N802
        self, server: Conversation, session: Session, envelope: Envelope
    ) -> str:
        relay, mail = server.relay, server.taken(envelope)
        trouble = relay.trouble(AFTER_THE_DOT)
        if max(map(len, mail.raw.split(b"\n"))) >= LONGEST_LINE:
            return "500 5.6.0 A line is too long"
        if trouble is None or trouble.taken:
            relay.take(mail)
            if relay.forward is not None:
                for recipient in mail.recipients:
                    await asyncio.to_thread(
                        relay.forward, recipient, relay.passed_on(mail), mail.sender
                    )
        return "250 2.0.0 Taken" if trouble is None else await server.answer(trouble)

    async def auth_XOAUTH2(  # noqa: N802
        self, server: Conversation, args: list[str]
    ) -> AuthResult:
        told = base64.b64decode(args[1]) if len(args) > 1 else await server.challenge_auth("")
        if not isinstance(told, bytes):
            return AuthResult(success=False)
        parts = dict(part.split(b"=", 1) for part in told.split(b"\1") if b"=" in part)
        token = parts.get(b"auth", b"").removeprefix(b"Bearer ").decode()
        if token in (server.relay.tokens or ()):
            return AuthResult(success=True, auth_data=LoginPassword(parts[b"user"], b""))
        # As Exchange and Gmail do: the error is a challenge, and 535 follows its empty answer.
        answer = await server.challenge_auth('{"status":"401","schemes":"bearer"}')
        return AuthResult(success=False, handled=not isinstance(answer, bytes))
