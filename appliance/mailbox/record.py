"""Transcripts of what is said to a mail service, without anything personal: ``check --record``."""

import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.domain.errors import ConfigError
from appliance.mailbox.redact import (
    Placeholders,
    decoded,
    mime_shape,
    redacted_headers,
    redacted_url,
)
from appliance.mailbox.redact_json import redacted_json
from appliance.mailbox.redact_xml import redacted_xml

_METHOD: Final = re.compile(r"[A-Z]{1,10}")
_OPERATION: Final = re.compile(
    rb"<(?:[A-Za-z0-9]{1,10}:)?Body[^>]{0,500}>\s{0,9}<(?:[A-Za-z0-9]{1,10}:)?([A-Z][A-Za-z]{2,40})[\s/>]"
)
_MAIL: Final = re.compile(rb"^(?:MIME-Version|Message-ID|Received):", re.IGNORECASE | re.MULTILINE)


class Recorder:
    """Writes each exchange into a file of its own, numbered, mode 0600. Safe for threads.

    The stores call ``note`` after each answer; nothing else of a request reaches the disk.
    """

    def __init__(self, directory: Path) -> None:
        """``directory`` is made where it is missing; what lies in it stays.

        Raises:
            ConfigError: it cannot be written to.
        """
        self._directory = directory
        self._placeholders = Placeholders()
        self._lock = threading.Lock()
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._number = sum(1 for _ in directory.glob("[0-9]*.txt"))
        except OSError as error:
            raise ConfigError((f"{directory}: {error.strerror}.",)) from error

    def note(
        self,
        method: str,
        url: str,
        sent: bytes,
        status: int,
        headers: Mapping[str, str],
        received: bytes,
    ) -> None:
        """One request and its answer.

        Args:
            method: the HTTP method.
            url: the whole address.
            sent: the body of the request, without any transfer encoding.
            status: the HTTP status.
            headers: of the answer.
            received: its body, or as much of it as came.

        Raises:
            ConfigError: the file cannot be written.
        """
        with self._lock:
            held = self._placeholders
            verb = method if _METHOD.fullmatch(method) else "OTHER"
            lines = [
                f"{verb} {redacted_url(url, held)}",
                _body(sent, held),
                "",
                f"HTTP {status}",
                *redacted_headers(headers, held),
                _body(received, held),
                "",
            ]
            self._number += 1
            name = f"{self._number:04d}-{_operation(sent) or verb}.txt"
            self._write(name, "\n".join(lines))

    def _write(self, name: str, text: str) -> None:
        try:
            path = self._directory / name
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise ConfigError((f"{self._directory}: {error.strerror}.",)) from error


def _body(content: bytes, placeholders: Placeholders) -> str:
    """A body by what it looks like; servers' own words about it are not always right."""
    start = content.lstrip()[:1]
    if not start:
        return "(empty)"
    size = f"({len(content)} bytes)\n"
    if start == b"<":
        return size + redacted_xml(content, placeholders)
    if start in {b"{", b"["}:
        return size + redacted_json(content, placeholders)
    head, _, _ = decoded(content).replace(b"\r\n", b"\n").partition(b"\n\n")
    if _MAIL.search(head):
        return mime_shape(content)
    return f"({len(content)} bytes, neither XML nor JSON)"


def _operation(sent: bytes) -> str:
    """The name of the request in a SOAP body, or nothing."""
    found = _OPERATION.search(sent[:20_000])
    return found[1].decode() if found else ""
