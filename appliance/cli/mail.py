"""``appliance mail …``: list, read and decide on mails."""

import argparse
import sys
from pathlib import Path
from typing import Any

from appliance.cli.calls import add_json, call
from appliance.cli.output import fitted, print_json, print_table
from appliance.cli.words import named
from appliance.cli.words import words as _
from appliance.domain.errors import OperatorError


def add_verbs(verbs: Any) -> None:
    """Add ``mail`` and its verbs."""
    mail = verbs.add_parser("mail", help=_("list, read and decide on mails"))
    inner = mail.add_subparsers(metavar=_("VERB"), required=True)
    _add_reading(inner)
    _add_deciding(inner)
    screening = inner.add_parser(
        "screen", help=_("say what would happen to mails in files; needs no daemon")
    )
    screening.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help=_("mails as RFC 5322 files")
    )
    screening.add_argument("--office", type=Path, metavar="DIR", help=_("the office directory"))
    add_json(screening)
    screening.set_defaults(run=_screen)


def _add_reading(inner: Any) -> None:
    listing = inner.add_parser("list", help=_("list mails, the newest first"))
    listing.add_argument("--state", help=_("only these states, separated by commas"))
    listing.add_argument("--before", type=int, help=_("only mails with a smaller number"))
    listing.add_argument("--limit", type=int, default=50, help=_("rows (default: %(default)s)"))
    add_json(listing)
    listing.set_defaults(run=_list)
    for verb, run, text in (
        ("show", _show, _("show a mail, its drafts and what was found")),
        ("why", _why, _("say what happened to a mail, and why")),
    ):
        parser = inner.add_parser(verb, help=text)
        parser.add_argument("id", type=int, help=_("number of the mail"))
        add_json(parser)
        parser.set_defaults(run=run)


def _add_deciding(inner: Any) -> None:
    for verb, text in (
        ("approve", _("let the newest draft leave after the undo delay")),
        ("undo", _("take an approval back before the reply has left")),
        ("edit", _("write the reply yourself (standard input, or --file)")),
        ("reject", _("close a mail without an answer")),
        ("redo", _("have the engine write again, with a note")),
        ("retry", _("send a parked mail through the house again")),
        ("resolve", _("say whether a reply in doubt has left")),
    ):
        parser = inner.add_parser(verb, help=text)
        parser.add_argument("id", type=int, help=_("number of the mail"))
        if verb in {"approve", "edit"}:
            parser.add_argument(
                "--version", type=int, help=_("the version you read; refused if it is stale")
            )
        if verb == "edit":
            parser.add_argument("--file", type=Path, help=_("file with the new text"))
        if verb == "reject":
            parser.add_argument("--reason", default="", help=_("why; kept in the ledger"))
        if verb == "redo":
            parser.add_argument("--note", default="", help=_("what the engine should change"))
        if verb == "resolve":
            which = parser.add_mutually_exclusive_group(required=True)
            which.add_argument("--sent", action="store_true", help=_("it left"))
            which.add_argument(
                "--not-sent", dest="sent", action="store_false", help=_("it did not leave")
            )
        add_json(parser)
        parser.set_defaults(run=_decide, verb=verb)


def _list(chosen: argparse.Namespace) -> int:
    rows = call(chosen, "mail.list", state=chosen.state, before=chosen.before, limit=chosen.limit)
    if chosen.json:
        for row in rows:
            print_json(row)
        return 0
    print_table(
        [{**row, "state": named(row["state"]), "reason": _(row["reason"])} for row in rows],
        (
            ("id", "ID", 6),
            ("state", _("STATE"), 9),
            ("received", _("RECEIVED"), 25),
            ("sender", _("FROM"), 28),
            ("subject", _("SUBJECT"), 34),
            ("reason", _("REASON"), 60),
        ),
    )
    return 0


def _show(chosen: argparse.Namespace) -> int:
    shown = call(chosen, "mail.show", id=chosen.id)
    if chosen.json:
        print_json(shown)
        return 0
    mail = shown["mail"]
    _print_state(shown)
    print(_("From:    {from}").format(**mail))
    print(_("Subject: {subject}").format(**mail))
    print(f"\n{mail['text']}\n")
    for draft in shown["drafts"]:
        print(_("--- version {version} by {author}, {created}").format(**draft))
        print(draft["text"])
        sources = ", ".join(passage["source"] for passage in draft["passages"])
        if sources:
            print(_("    rests on: {sources}").format(sources=sources))
    _print_findings(shown["findings"])
    return 0


def _why(chosen: argparse.Namespace) -> int:
    told = call(chosen, "mail.why", id=chosen.id)
    if chosen.json:
        print_json(told)
        return 0
    _print_state(told)
    _print_findings(told["findings"])
    for entry in told["ledger"]:
        after, actor = fitted(named(entry["after"]), 9), fitted(entry["actor"], 10)
        print(f"{entry['at']}  {after} {actor} {_(entry['note'])}")
    return 0


def _print_state(job: dict[str, Any]) -> None:
    print(_("Mail {id} is {state}.").format(id=job["id"], state=named(job["state"])))


def _print_findings(findings: list[dict[str, Any]]) -> None:
    for finding in findings:
        word, reason = named(finding["disposition"]), _(finding["reason"])
        print(f"  [{word}] {finding['rule']}: {reason}")


def _screen(chosen: argparse.Namespace) -> int:
    # The rules take half a second to load; no other verb of this group needs them.
    from appliance.cli.screen import run

    return run(chosen.files, chosen.office, as_json=chosen.json)


def _decide(chosen: argparse.Namespace) -> int:
    extra: dict[str, object] = {}
    match chosen.verb:
        case "approve":
            extra = {"version": chosen.version}
        case "edit":
            extra = {"version": chosen.version, "text": _new_text(chosen.file)}
        case "reject":
            extra = {"reason": chosen.reason}
        case "redo":
            extra = {"note": chosen.note}
        case "resolve":
            extra = {"sent": chosen.sent}
        case _:
            pass
    moved = call(chosen, f"mail.{chosen.verb}", id=chosen.id, **extra)
    if chosen.json:
        print_json(moved)
    else:
        _print_state(moved)
        _print_findings(moved["findings"])
    return 0


def _new_text(file: Path | None) -> str:
    try:
        text = file.read_text("utf-8") if file is not None else sys.stdin.read()
        # Some locales let bytes that are no UTF-8 in as lone surrogates.
        text.encode()
    except OSError as error:
        raise OperatorError(
            _("{path}: it cannot be read: {why}.").format(path=file, why=error.strerror)
        ) from error
    except UnicodeError as error:
        raise OperatorError(_("The new text is not UTF-8.")) from error
    return text
