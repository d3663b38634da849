"""``appliance mail screen``: what would happen to mails in files, without mailbox or daemon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from appliance.cli.output import print_json, print_table
from appliance.cli.words import named
from appliance.cli.words import words as _
from appliance.config.settings import Office
from appliance.config.toml import load_office
from appliance.domain.errors import MessageUnreadable
from appliance.domain.mail import Message, Thread
from appliance.domain.verdict import Disposition, Facts, Finding, Verdict
from appliance.flow.stages import RULES
from appliance.mailbox import mime
from appliance.screen import chain
from appliance.screen.language import detect

_LARGEST: Final = 64 * 1024 * 1024
"""Bytes; a larger file is no mail that a server would have let through."""

_NEUTRAL: Final = Office(name="", addresses=())
"""Without ``--office``: no addresses of our own, so the rules about them stay silent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Screened:
    """One file and what the screen says about it."""

    file: str
    verdict: Verdict
    question: str
    language: str

    def row(self) -> Mapping[str, Any]:
        """For a script; the order of the keys is the order on the line."""
        return {
            "file": self.file,
            "route": self.verdict.disposition.route,
            "findings": [
                {
                    "rule": finding.rule,
                    "disposition": finding.disposition.label,
                    "reason": finding.reason,
                }
                for finding in self.verdict.findings
            ],
            "question": self.question,
            "language": self.language,
        }

    def told(self) -> Mapping[str, str]:
        """For a person."""
        deciding = self.verdict.deciding
        return {
            "file": self.file,
            "route": named(self.verdict.disposition.route),
            "language": self.language,
            "rules": ", ".join(finding.rule for finding in self.verdict.findings),
            "reason": _(deciding.reason) if deciding else "",
        }


def run(files: Sequence[Path], office_dir: Path | None, *, as_json: bool) -> int:
    """Screen each file as if it came in now and print one line for it.

    Returns:
        0, or 1 where a file could not be read (the others are done all the same).

    Raises:
        ConfigError: the office directory has no right ``office.toml``.
    """
    office = _NEUTRAL if office_dir is None else load_office(office_dir, RULES)
    unread = 0
    told: list[Mapping[str, str]] = []
    for file in files:
        message = _read(file)
        unread += message is None
        screened = _unreadable(file, office) if message is None else _screen(file, message, office)
        if as_json:
            print_json(screened.row())
        else:
            told.append(screened.told())
    if told:
        print_table(told, _columns())
    return 1 if unread else 0


def _columns() -> tuple[tuple[str, str, int], ...]:
    return (
        ("file", _("file"), 28),
        ("route", _("route"), 6),
        ("language", _("language"), 8),
        ("rules", _("rules"), 40),
        ("reason", _("reason"), 100),
    )


def _read(file: Path) -> Message | None:
    try:
        with file.open("rb") as opened:
            raw = opened.read(_LARGEST)
        return mime.read(raw, mailbox="file", uid=str(file))
    except (OSError, MessageUnreadable):
        return None


def _unreadable(file: Path, office: Office) -> _Screened:
    finding = Finding(
        rule="unreadable",
        disposition=Disposition.HOLD,
        reason="The file cannot be read as a mail.",
    )
    return _Screened(
        file=str(file),
        verdict=Verdict(findings=(finding,)),
        question="",
        language=office.language,
    )


def _screen(file: Path, message: Message, office: Office) -> _Screened:
    verdict = chain.judge(
        chain.Case(
            message=message, thread=Thread(messages=(message,)), office=office, facts=Facts()
        )
    )
    sealed = any(finding.rule == "encrypted" for finding in verdict.findings)
    question = "" if sealed or verdict.disposition is Disposition.STOP else message.question
    return _Screened(
        file=str(file),
        verdict=verdict,
        question=question,
        language=detect(message.question, office.language),
    )
