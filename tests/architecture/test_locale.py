"""Both languages are equal: every sentence of the command line has its Chinese, and it fits."""

import argparse
import ast
import gettext
import os
import re
import string
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

import appliance.cli
from appliance.cli import app
from appliance.cli.output import width
from appliance.cli.words import ARGPARSE, DOMAIN, LOCALE, Words, language_of, named, words
from appliance.domain.job import State
from appliance.domain.verdict import Disposition
from appliance.guard import gate
from appliance.screen import chain

CLI = Path(appliance.cli.__file__).parent
CHINESE = LOCALE / "zh_Hans" / "LC_MESSAGES"
HAN = re.compile(r"[\u4e00-\u9fff]")
# What is the same in both languages.
SAME = frozenset({"{name}, {slots} × {context} tokens"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of a .po file (GNU gettext manual, "PO Files"): ``said`` by msgid, plural last."""

    asked: tuple[str, ...]
    said: tuple[str, ...]
    fuzzy: bool


def entries(file: Path) -> list[Entry]:
    """Every entry but the header; what is obsolete (``#~``) is left out."""
    found = []
    for block in re.split(r"\n{2,}", file.read_text("utf-8").strip()):
        kinds: dict[str, str] = {}
        kind = ""
        for line in block.splitlines():
            if line.startswith("#"):
                continue
            key, _, rest = line.partition('"')
            kind = key.strip() or kind
            kinds[kind] = kinds.get(kind, "") + ast.literal_eval(f'"{rest}')
        if kinds.get("msgid"):
            found.append(
                Entry(
                    asked=tuple(kinds[kind] for kind in kinds if kind.startswith("msgid")),
                    said=tuple(kinds[kind] for kind in kinds if kind.startswith("msgstr")),
                    fuzzy=bool(re.search(r"^#,.*\bfuzzy\b", block, re.MULTILINE)),
                )
            )
    return found


def sentences(file: Path, names: frozenset[str] = frozenset({"_", "words"})) -> Iterator[str]:
    """What the calls of ``_`` in a module ask to have translated."""
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in names:
            (argument,) = node.args
            # A reason is asked for by its value; the rules' own sentences are read elsewhere.
            if isinstance(argument, ast.Attribute | ast.Subscript):
                continue
            sentence = ast.literal_eval(argument)
            assert isinstance(sentence, str)
            yield sentence


def remarks(file: Path) -> set[object]:
    """Texts that stand for themselves in a module: docstrings, also those of attributes."""
    return {
        node.value.value
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def constants() -> set[object]:
    """Every text that the command line, the screen and the guard could show."""
    return {
        node.value
        for package in (CLI, Path(chain.__file__).parent, Path(gate.__file__).parent)
        for file in package.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant)
    }


def asked() -> set[str]:
    """Every sentence of the command line."""
    return {sentence for file in CLI.glob("*.py") for sentence in sentences(file)}


@cache
def chinese() -> Mapping[str, str]:
    """The catalogue as a person may read it."""
    return {entry.asked[0]: entry.said[0] for entry in entries(CHINESE / f"{DOMAIN}.po")}


def places(sentence: str) -> list[str]:
    """The placeholders of a sentence: ``{name:.1f}`` and ``%(name)s``, sorted."""
    braces = [f"{name}:{form}" for _, name, form, _ in string.Formatter().parse(sentence) if name]
    return sorted([*braces, *re.findall(r"%(?:\(\w+\))?[srd]", sentence)])


@pytest.fixture(autouse=True)
def _language_put_back(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    domain = gettext.textdomain()
    monkeypatch.setenv("LANGUAGE", os.environ.get("LANGUAGE", ""))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "zh-Hans")
    yield
    words.choose("en")
    gettext.textdomain(domain)


def test_every_sentence_of_the_command_line_has_its_chinese() -> None:
    missing = {sentence for sentence in asked() if not chinese().get(sentence)}
    assert missing == set(), "run scripts/translate and fill in the .po file"


def test_every_reason_of_the_screen_has_its_chinese() -> None:
    missing = {rule.reason for rule in chain.CHAIN if not chinese().get(rule.reason)}
    assert missing == set(), "run scripts/translate and fill in the .po file"


def test_every_reason_of_the_guard_that_is_written_in_one_piece_has_its_chinese() -> None:
    reasons = {
        value
        for file in Path(gate.__file__).parent.glob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and isinstance(value := node.value, str)
        if re.fullmatch(r"(?:The|This|Neither) [a-zA-Z' ,;]+\.", value)
        and value not in remarks(file)
    }
    assert len(reasons) > 20
    assert {reason for reason in reasons if not chinese().get(reason)} == set()


@pytest.mark.parametrize("domain", [DOMAIN, ARGPARSE])
def test_nothing_in_a_catalogue_is_fuzzy_empty_or_still_english(domain: str) -> None:
    for entry in entries(CHINESE / f"{domain}.po"):
        assert not entry.fuzzy, entry.asked
        assert all(entry.said), entry.asked
        assert entry.asked[0] in SAME or all(
            HAN.search(said) or said == "%(heading)s：" for said in entry.said
        ), entry.asked


def test_nothing_in_the_catalogue_is_asked_by_nobody() -> None:
    assert set(chinese()) - constants() == set(), "run scripts/translate"


@pytest.mark.parametrize("domain", [DOMAIN, ARGPARSE])
def test_placeholders_are_the_same_in_both_languages(domain: str) -> None:
    for entry in entries(CHINESE / f"{domain}.po"):
        for said in entry.said:
            assert places(said) == places(entry.asked[-1]), entry.asked


@pytest.mark.parametrize("domain", [DOMAIN, ARGPARSE])
def test_the_compiled_catalogue_is_the_one_that_is_read(domain: str) -> None:
    with (CHINESE / f"{domain}.mo").open("rb") as file:
        compiled = dict(gettext.GNUTranslations(file)._catalog)  # type: ignore[attr-defined]
    compiled.pop("")
    expected: dict[str | tuple[str, int], str] = {}
    for entry in entries(CHINESE / f"{domain}.po"):
        if len(entry.asked) == 1:
            expected[entry.asked[0]] = entry.said[0]
        else:
            expected |= {(entry.asked[0], form): said for form, said in enumerate(entry.said)}
    assert compiled == expected, "run scripts/translate"


def test_the_template_and_the_catalogue_hold_the_same_sentences() -> None:
    template = {entry.asked for entry in entries(LOCALE / f"{DOMAIN}.pot")}
    assert template == {entry.asked for entry in entries(CHINESE / f"{DOMAIN}.po")}


def titles() -> Iterator[tuple[str, int]]:
    """Title and columns of each ``(key, _("TITLE"), columns)`` whose width is a plain number."""
    for file in CLI.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            match node:
                case ast.Tuple(
                    elts=[
                        ast.Constant(),
                        ast.Call(args=[ast.Constant(value=str(title))]),
                        ast.Constant(value=int(size)),
                    ]
                ):
                    yield title, size
                case _:
                    pass


def test_the_titles_of_tables_fit_in_both_languages() -> None:
    found = list(titles())
    assert len(found) >= 10
    cut = [
        (shown, size)
        for title, size in found
        for shown in (title, chinese()[title])
        if width(shown) > size
    ]
    assert cut == []


def test_states_dispositions_and_routes_have_names_that_fit_a_column() -> None:
    bare = [*State, *(each.label for each in Disposition), *(each.route for each in Disposition)]
    assert [named(word) for word in bare] == [str(word) for word in bare]
    words.choose("zh-Hans")
    for word in bare:
        assert HAN.search(named(word)), word
        assert width(named(word)) <= 8


def test_a_word_without_a_name_stays_as_it_is() -> None:
    words.choose("zh-Hans")
    assert named("elsewhere") == "elsewhere"


def test_a_language_without_a_catalogue_is_answered_in_english() -> None:
    klingon = Words()
    klingon.choose("tlh")
    assert klingon("Nothing to do.") == "Nothing to do."


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh-Hans"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8", "LC_MESSAGES": "zh_CN"}, "zh-Hans"),
        ({"APPLIANCE_LANGUAGE": "en", "LC_ALL": "zh_CN"}, "en"),
        ({"APPLIANCE_LANGUAGE": "zh-Hans", "LC_ALL": "C"}, "zh-Hans"),
        ({"APPLIANCE_LANGUAGE": "", "LANG": "zh_CN"}, "zh-Hans"),
    ],
)
def test_the_language_is_told_by_the_first_variable_that_is_set(
    environment: Mapping[str, str], language: str
) -> None:
    assert language_of(environment) == language


ENGLISH = re.compile(
    r"\b(?:usage|error|argument|options?:|positional|required|invalid|choose|expected|"
    r"unrecognized|allowed|ambiguous|value)\b"
)


@pytest.mark.parametrize(
    "line",
    [
        [],
        ["nosuch"],
        ["mail"],
        ["mail", "show"],
        ["mail", "show", "one"],
        ["mail", "list", "--limit"],
        ["mail", "list", "--nosuch"],
        ["mail", "resolve", "1"],
        ["mail", "resolve", "1", "--sent", "--not-sent"],
        ["--help"],
        ["mail", "--help"],
        ["mail", "resolve", "--help"],
        ["status", "--json=1"],
        ["mail", "reject", "1", "--js", "--reason", "x", "y"],
        ["resume", "everything"],
    ],
)
def test_the_parser_itself_speaks_chinese(
    line: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        app.run(line)
    captured = capsys.readouterr()
    shown = captured.out + captured.err
    assert "用法：" in shown
    assert ENGLISH.findall(shown) == []


def test_the_parser_speaks_english_again(capsys: pytest.CaptureFixture[str]) -> None:
    words.choose("zh-Hans")
    words.choose("en")
    with pytest.raises(SystemExit):
        argparse.ArgumentParser(prog="x").parse_args(["--help"])
    assert capsys.readouterr().out.startswith("usage: x")
