"""``appliance guard``: what the guard says about drafts, without mailbox, engine or daemon."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO

import msgspec

from appliance.cli.output import print_json
from appliance.cli.words import words as _
from appliance.config.settings import Office
from appliance.config.toml import load_office
from appliance.domain.draft import ENGINE, Draft, Passage
from appliance.domain.errors import ConfigError, MessageUnreadable
from appliance.domain.mail import Message, Thread
from appliance.domain.verdict import Finding, Verdict
from appliance.guard import gate
from appliance.knowledge.read import read_folder
from appliance.mailbox import mime
from appliance.prompt.build import prefix
from appliance.screen import chain
from appliance.screen.language import detect

_NO_TIME: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of standard input; ``evidence`` names what the drafter saw as ``file#heading``."""

    id: str
    mail: str
    draft: str
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """An office and its mails, ready to judge drafts.

    Attributes:
        mails: directory of the mails that lines name.
        passages: the whole knowledge folder.
        problems: a sentence for each file of it that was not read.
    """

    office: Office
    mails: Path
    passages: tuple[Passage, ...]
    problems: tuple[str, ...]

    def judge(self, line: Line) -> Verdict:
        """What the guard says about one draft.

        Raises:
            OSError: the mail's file cannot be read.
            MessageUnreadable: it is no mail.
        """
        message = self._message(line.mail)
        language = detect(message.question, self.office.language)
        draft = Draft(
            version=1,
            author=ENGINE,
            text=line.draft,
            language=language,
            created=_NO_TIME,
            passages=tuple(self.shown(line.evidence)),
        )
        return gate.judge(
            draft=draft,
            thread=Thread(messages=(message,)),
            office=self.office,
            prefix=prefix(self.office),
            detect=detect,
        )

    def shown(self, sources: Sequence[str]) -> Iterator[Passage]:
        """The passages that ``sources`` name; a file alone stands for all of its passages."""
        wanted = frozenset(sources)
        for passage in self.passages:
            if passage.source in wanted or passage.source.partition("#")[0] in wanted:
                yield passage

    def missing(self, sources: Sequence[str]) -> tuple[str, ...]:
        """Those of ``sources`` that the folder does not hold, or holds in a form nobody reads."""
        known = {passage.source for passage in self.passages}
        known |= {source.partition("#")[0] for source in known}
        return tuple(source for source in sources if source not in known)

    def _message(self, name: str) -> Message:
        raw = (self.mails / Path(name).name).read_bytes()
        return mime.read(raw, mailbox="file", uid=name)


def bench(office: Path, mails: Path) -> Bench:
    """The office directory and the mails beside it.

    Raises:
        ConfigError: the office directory has no right ``office.toml`` or no knowledge folder.
    """
    settings = load_office(office, chain.RULES | gate.RULES)
    try:
        folder = read_folder(office / "knowledge")
    except OSError as error:
        raise ConfigError((f"{office}: the knowledge folder cannot be read.",)) from error
    return Bench(office=settings, mails=mails, passages=folder.passages, problems=folder.problems)


def add_verbs(verbs: Any) -> None:
    """Add ``guard``."""
    add_arguments(verbs.add_parser("guard", help=_("judge drafts from standard input")))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--office``, ``--mails`` and ``--json``, and what runs them."""
    parser.add_argument(
        "--office", type=Path, required=True, metavar="DIR", help=_("the office directory")
    )
    parser.add_argument(
        "--mails", type=Path, required=True, metavar="DIR", help=_("the directory of the mails")
    )
    parser.add_argument("--json", action="store_true", help=_("one JSON object a line"))
    parser.set_defaults(run=_run)


def _run(chosen: argparse.Namespace) -> int:
    return run(chosen.office, chosen.mails, sys.stdin, as_json=chosen.json)


def run(office: Path, mails: Path, lines: TextIO, *, as_json: bool) -> int:
    """Judge each line of ``lines`` (JSON as in ``Line``) and print what was found.

    What was not read is named on standard error; the draft is then judged by what is there.

    Returns:
        0, or 1 where a line or its mail could not be read (the others are done all the same).

    Raises:
        ConfigError: the office directory is not right.
    """
    ready = bench(office, mails)
    for problem in ready.problems:
        print(problem, file=sys.stderr)
    failures = 0
    for number, raw in enumerate(lines, 1):
        if not raw.strip():
            continue
        try:
            line = msgspec.json.decode(raw, type=Line)
            verdict = ready.judge(line)
        except (msgspec.DecodeError, OSError, MessageUnreadable) as error:
            failures += 1
            print(_("line %d: %s") % (number, error), file=sys.stderr)
            continue
        for source in ready.missing(line.evidence):
            print(_("line %d: %s was not read") % (number, source), file=sys.stderr)
        _print(line, verdict, as_json=as_json)
    return 1 if failures else 0


def _print(line: Line, verdict: Verdict, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": line.id, "findings": [_row(found) for found in verdict.findings]})
        return
    print(f"{line.id}  {verdict.disposition.label}")
    for found in verdict.findings:
        words = line.draft[slice(*found.span)] if found.span else ""
        print(f"   {found.rule}: {found.reason} {' '.join(words.split())}".rstrip())


def _row(found: Finding) -> Mapping[str, Any]:
    return {
        "rule": found.rule,
        "disposition": found.disposition.label,
        "reason": found.reason,
        "span": found.span,
    }
