"""``appliance knowledge search``: which passages of a folder would be shown for a question?"""

import argparse
import sys
from pathlib import Path
from typing import Any

from appliance.cli.calls import add_json
from appliance.cli.output import print_json
from appliance.cli.words import words as _
from appliance.knowledge.index import FolderKnowledge


def add_verbs(verbs: Any) -> None:
    """Add ``knowledge`` and its verb."""
    knowledge = verbs.add_parser("knowledge", help=_("look into a knowledge folder"))
    inner = knowledge.add_subparsers(metavar=_("VERB"), required=True)
    add_arguments(inner.add_parser("search", help=_("find the passages that fit a question")))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The arguments of ``search``; it needs no daemon, no mailbox and no engine."""
    place = parser.add_mutually_exclusive_group(required=True)
    place.add_argument("--folder", type=Path, metavar="DIR", help=_("the knowledge folder"))
    place.add_argument("--office", type=Path, metavar="DIR", help=_("the office directory"))
    parser.add_argument(
        "--limit", type=_positive, default=5, metavar="N", help=_("passages (default: %(default)s)")
    )
    add_json(parser)
    parser.add_argument("question", metavar="QUESTION", help=_("the question, in any language"))
    parser.set_defaults(run=run)


def run(chosen: argparse.Namespace) -> int:
    """Print the passages best first: one JSON object a line, or a numbered list.

    Files that were not read are named on standard error.

    Returns:
        0, also where nothing fits.

    Raises:
        ConfigError: the folder cannot be read.
    """
    knowledge = FolderKnowledge(chosen.folder or chosen.office / "knowledge")
    for problem in knowledge.problems:
        print(problem, file=sys.stderr)
    passages = knowledge.search(chosen.question, chosen.limit)
    if not passages and not chosen.json:
        print(_("No passage shares a word with this question."))
    for number, passage in enumerate(passages, start=1):
        if chosen.json:
            shown = {"source": passage.source, "text": passage.text}
            print_json({**shown, "score": float(f"{passage.score:.4g}")})
        else:
            print(f"{number}. {passage.source}  ({passage.score:.1f})")
            print("".join(f"   {line}\n" for line in passage.text.splitlines()))
    return 0


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(_("must be 1 or more"))
    return number
