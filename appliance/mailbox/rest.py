"""Sleep until mail comes into an IMAP inbox: by IDLE (RFC 2177), or without the server's help."""

import os
from typing import Any, Final

from imapclient import IMAPClient
from imapclient.exceptions import IMAPClientAbortError, IMAPClientError

from appliance.domain.ports import Clock
from appliance.mailbox.folders import Folders
from appliance.mailbox.line import readable
from appliance.mailbox.places import Place

_SLICE_SECONDS: Final = 15.0
"""IDLE is renewed this often: a server that died without a word is noticed by its silence."""

_FIRST_SLICE_SECONDS: Final = 1.0
"""What the server says in one breath with its "+" lies in the library, unseen until IDLE ends."""


class Rest:
    """One thread sleeps here; any other may wake it."""

    def __init__(self, *, folders: Folders, clock: Clock) -> None:
        self._folders = folders
        self._clock = clock
        self._seen = (0, 1)
        self._woken, self._alarm = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def looked(self, selected: Any) -> None:
        """The inbox was looked at as it was when it was ``selected``."""
        self._seen = _extent(selected)

    def wake(self) -> None:
        """End a running sleep, or the next one, at once; from any thread."""
        try:
            os.write(self._alarm, b"!")
        except BlockingIOError:
            return

    def sleep(self, seconds: float) -> bool:
        """Sleep without the server: True where woken."""
        woken = readable(None, self._woken, seconds)
        return self._was_woken() or woken

    def idle(self, client: IMAPClient, seconds: float) -> bool:
        """Sleep until the server announces mail or somebody wakes us (RFC 2177): True.

        What came since the last fetch counts, on this connection or before it.
        """
        validity, following = _extent(self._folders.select(client, Place.INBOX, readonly=True))
        if following > self._seen[1] or self._seen[0] not in {0, validity}:
            return True
        end = self._clock.steady() + seconds
        slice_seconds = _FIRST_SLICE_SECONDS
        while True:
            rest = min(slice_seconds, end - self._clock.steady())
            if rest <= 0:
                return False
            slice_seconds = _SLICE_SECONDS
            _enter(client)
            said: list[Any] = []
            if readable(client.socket(), self._woken, rest):
                said += client.idle_check(timeout=0)
            _, more = client.idle_done()
            if self._was_woken() or any(_announces(one) for one in [*said, *more]):
                return True

    def _was_woken(self) -> bool:
        woken = False
        try:
            while os.read(self._woken, 64):
                woken = True
        except BlockingIOError:
            pass
        return woken

    def close(self) -> None:
        """Free the alarm."""
        os.close(self._woken)
        os.close(self._alarm)


def _enter(client: IMAPClient) -> None:
    try:
        client.idle()
    except IMAPClientAbortError:
        raise
    except IMAPClientError as error:
        # Something came before the "+", which a server may do; the library is lost then, and the
        # connection stays in IDLE: only a new one is of use.
        raise IMAPClientAbortError("no IDLE") from error


def _extent(selected: Any) -> tuple[int, int]:
    """UIDVALIDITY and the UID that the next mail will get."""
    return int(selected.get(b"UIDVALIDITY", 0)), int(selected.get(b"UIDNEXT", 1))


def _announces(said: Any) -> bool:
    return isinstance(said, tuple) and len(said) > 1 and said[1] in {b"EXISTS", b"RECENT"}
