"""``appliance demo``: the real daemon and a real engine on a small made-up office."""

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from appliance.cli.output import fitted, print_json, print_table
from appliance.cli.rehearsal import Rehearsal
from appliance.cli.words import named
from appliance.cli.words import words as _
from appliance.domain.errors import ModelUnusable

SAMPLE: Final = Path(__file__).parent / "sample"
MODEL: Final = "SmolLM2-135M-Instruct.Q4_1.gguf"
_FOR_SCRIPTS: Final = (
    "mail",
    "route",
    "state",
    "findings",
    "draft",
    "tokens_per_second",
    "seconds",
)
_ROUTES: Final = {"skipped": "skip", "held": "hold", "parked": "hold"}


def add_verbs(verbs: Any) -> None:
    """Add ``demo``."""
    demo = verbs.add_parser(
        "demo", help=_("answer the mails of a made-up office with a real engine")
    )
    demo.add_argument("--model", type=Path, help=_("model file (GGUF); default: the small one"))
    demo.add_argument("--slots", type=int, default=2, help=_("mails drafted at the same time"))
    demo.add_argument("--keep", type=Path, help=_("make the office here and keep it"))
    demo.add_argument(
        "--json", action="store_true", help=_("one JSON object a mail; progress on standard error")
    )
    demo.set_defaults(run=_demo)


def default_model() -> Path:
    """Where ``scripts/fetch_demo_model`` puts the small model."""
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "appliance" / "models" / MODEL


def _demo(chosen: argparse.Namespace) -> int:
    model = chosen.model or default_model()
    if not model.is_file():
        raise ModelUnusable(
            _(
                "There is no model file {path}. Run scripts/demo, which fetches the small one, "
                "or name a GGUF file with --model."
            ).format(path=model)
        )
    small = model.name == MODEL
    _say(_("Model file: {name}").format(name=model.name))
    if small:
        _say(
            _(
                "This is a very small model that knows English only: it shows the way of a mail, "
                "not how good the answers of the real one are."
            )
        )
    expected = json.loads((SAMPLE / "expected.json").read_text("utf-8"))
    with ExitStack() as stack:
        directory = chosen.keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="appliance-demo-"))
        )
        # In a configuration file a relative path is relative to the file.
        rehearsal = Rehearsal(
            directory=directory.resolve(), model=model.resolve(), slots=chosen.slots
        )
        rehearsal.prepare(SAMPLE)
        stack.enter_context(rehearsal)
        rehearsal.deliver(SAMPLE / "mails", _say)
        shown = rehearsal.watch(_say)
    rows = [_row(job, expected) for job in sorted(shown, key=lambda job: job["mail"]["uid"])]
    if chosen.json:
        for row in rows:
            print_json({key: row[key] for key in _FOR_SCRIPTS})
    else:
        _print(rows)
    return _summary(rows, expected, small=small)


def _row(job: Mapping[str, Any], expected: Mapping[str, Any]) -> dict[str, Any]:
    draft = job["drafts"][-1] if job["drafts"] else None
    name = job["mail"]["uid"]
    route = "answer" if draft else _ROUTES.get(job["state"], "answer")
    return {
        "mail": name,
        "route": route,
        "expected": expected.get(name, {}).get("route"),
        "state": job["state"],
        "findings": job["findings"],
        "rules": ", ".join(finding["rule"] for finding in job["findings"]),
        "draft": draft["text"] if draft else None,
        "first_line": next((line for line in draft["text"].splitlines() if line), "")
        if draft
        else "",
        "tokens_per_second": draft["tokens_per_second"] if draft else None,
        "seconds": draft["seconds"] if draft else None,
    }


def _print(rows: Sequence[Mapping[str, Any]]) -> None:
    columns = shutil.get_terminal_size((120, 24)).columns
    room = max(columns - 30 - 7 - 9 - 9 - 8 - 12, 40)
    print()
    print_table(
        [{**row, "route": named(row["route"]), "state": named(row["state"])} for row in rows],
        (
            ("mail", _("MAIL"), 30),
            ("route", _("ROUTE"), 7),
            ("state", _("STATE"), 9),
            ("rules", _("FINDINGS"), room // 2),
            ("first_line", _("DRAFT BEGINS"), room - room // 2),
            ("tokens_per_second", _("TOKENS/S"), 9),
            ("seconds", _("SECONDS"), 8),
        ),
    )


def _summary(rows: Sequence[Mapping[str, Any]], expected: Mapping[str, Any], *, small: bool) -> int:
    other = [row["mail"] for row in rows if row["route"] != row["expected"]]
    lost = sorted(set(expected) - {row["mail"] for row in rows})
    drafts = [row for row in rows if row["draft"] is not None]
    speeds = sorted(row["tokens_per_second"] for row in drafts)
    _say("")
    _say(
        _("{mails} mails, {drafts} drafts, median {speed:.1f} tokens/s.").format(
            mails=len(rows), drafts=len(drafts), speed=speeds[len(speeds) // 2] if speeds else 0.0
        )
    )
    for name in other:
        _say(_("Not on the expected route: {mail}").format(mail=name))
    for name in lost:
        _say(_("Reached no state: {mail}").format(mail=name))
    if small:
        _say(_("With the real model: appliance demo --model FILE"))
    return 1 if other or lost else 0


def _say(sentence: str) -> None:
    print(fitted(sentence, 400).rstrip(), file=sys.stderr, flush=True)
