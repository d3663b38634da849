"""What trying out brings has a name and a sentence for a person, whatever it is."""

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from appliance import mailbox
from appliance.cli.output import width
from appliance.cli.probed import named_probe, said
from appliance.cli.words import words
from appliance.mailbox.probes import Probe

SOURCES: Final = sorted(Path(mailbox.__file__).parent.glob("probe*.py"))
POSITIONS: Final = {"skipped": 1, "_way": 0, "_unsent": 0, "_nothing_more": 0}
"""Functions to which a finding is given, and as which argument."""

VALUES: Final = (
    "reason server security offered seconds there missing host minutes path waiting url auth "
    "other send"
)


def nodes() -> Iterator[ast.AST]:
    for source in SOURCES:
        yield from ast.walk(ast.parse(source.read_text("utf-8")))


def texts(value: ast.expr) -> set[str]:
    """Every text that an expression may be."""
    match value:
        case ast.Constant(value=str(text)):
            return {text}
        case ast.IfExp(body=body, orelse=other):
            return texts(body) | texts(other)
        case _:
            return set()


def findings() -> set[str]:
    """Every finding that the probes name."""
    found: set[str] = set()
    for node in nodes():
        match node:
            case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)):
                position = POSITIONS.get(called, -1)
                given = [one.value for one in node.keywords if one.arg == "found"]
                given += node.args[position : position + 1] if position >= 0 else []
                found |= {text for value in given for text in texts(value)}
            case ast.Assign(targets=[ast.Name(id="found")], value=value):
                found |= texts(value)
            case _:
                continue
    return found


def names() -> set[str]:
    """Every name that a probe is given."""
    return {
        text
        for node in nodes()
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Probe"
        for one in node.keywords
        if one.arg == "name"
        for text in texts(one.value)
    }


@pytest.mark.parametrize("language", ["en", "zh-Hans"])
def test_every_probe_has_a_name_that_fits_its_column(
    language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANGUAGE", "")
    assert names() >= {"server", "mailbox", "other", "send", "marking", "imap", "smtp", "online"}
    words.choose(language)
    shown = {name: named_probe(name) for name in names()}
    words.choose("en")
    assert [name for name, word in shown.items() if not 0 < width(word) <= 16] == []


def test_every_finding_has_a_sentence() -> None:
    assert len(findings()) > 45
    for found in sorted(findings()):
        values = tuple((key, "x.") for key in VALUES.split())
        sentence = said(Probe(name="x", state="ok", found=found, values=values))
        assert sentence.endswith("."), found
        assert not [name for _, name, _, _ in string.Formatter().parse(sentence) if name], found
