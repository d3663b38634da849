"""What may and must stand in the files of the tree."""

import itertools
import os
import re
import shlex
import stat
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = ("scripts/_setup", "scripts/demo", "scripts/test", "scripts/lock", ".ci/run")
SKIPPED = {".git", ".venv", "__pycache__", "build", "dist", ".hypothesis"}
# Written in pieces, so that this file does not contain what it looks for.
HOSTS = ("py" + r"pi\.org", "python" + "hosted", r"deb\.debian\." + "org", "npm" + r"js\.org")
PLACES = (r"(?<![\w.])/wo" + r"rk/", r"(?<![\w.])/opt/" + "py" + "pi", r"/ro" + r"ot/")
FORBIDDEN = re.compile("|".join(HOSTS + PLACES))


def files() -> list[Path]:
    """The files of the tree: what git knows or would take, else all that is there."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        found = [ROOT / os.fsdecode(name) for name in listed.stdout.split(b"\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not SKIPPED & set(path.parts)]
    return [path for path in found if path.is_file() and "evaluation" not in path.parts]


def test_no_file_names_a_package_host_or_a_place_of_one_machine() -> None:
    guilty = {}
    for path in files():
        text = path.read_bytes().decode("utf-8", "replace")
        if found := FORBIDDEN.search(text):
            guilty[str(path.relative_to(ROOT))] = found[0]
    assert guilty == {}


def test_no_file_is_a_model_or_larger_than_a_megabyte() -> None:
    large = [path.name for path in files() if path.stat().st_size > 1 << 20]
    assert large == []
    assert [path.name for path in files() if path.suffix in {".gguf", ".whl", ".so"}] == []


def test_nothing_is_left_for_later() -> None:
    pattern = re.compile(r"\b(?:TO" + "DO|FIX" + r"ME|XX" + r"X)\b")
    sources = [path for path in files() if path.suffix in {".py", ".sql", ".toml", ".cmake"}]
    assert sources
    assert [path.name for path in sources if pattern.search(path.read_text("utf-8"))] == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_is_executable_and_strict(script: str) -> None:
    path = ROOT / script
    assert path.stat().st_mode & stat.S_IXUSR
    text = path.read_text("utf-8")
    assert text.startswith("#!/usr/bin/env bash\n")
    assert re.search(r"^set -e?uo pipefail$", text, re.MULTILINE)
    checked = subprocess.run(["bash", "-n", str(path)], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "docs/operating.md"])
def test_every_command_of_a_page_exists(name: str) -> None:
    page = (ROOT / name).read_text("utf-8")
    verbs = {verb_of(line) for line in commands(page)} - {()}
    assert verbs, f"{name} shows no command"
    for verb in sorted(verbs):
        ended = subprocess.run(
            [ROOT / ".venv/bin/appliance", *verb, "--help"],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert ended.returncode == 0, f"appliance {' '.join(verb)}: {ended.stderr}"


@pytest.mark.parametrize("name", ["README.md", "README.zh-CN.md", "docs/operating.md"])
def test_every_script_and_page_that_a_page_names_exists(name: str) -> None:
    page = (ROOT / name).read_text("utf-8")
    named = set(re.findall(r"(?<![\w/.])(?:scripts|docs|tests|systemd)/[\w./-]*\w", page))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def commands(page: str) -> list[str]:
    """What follows ``appliance`` in the code of a Markdown page, one item a command."""
    blocks = re.findall(r"```[^\n]*\n(.*?)```", page, re.DOTALL)
    lines = [line.strip().removeprefix("$ ") for block in blocks for line in block.splitlines()]
    spans = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", page, flags=re.DOTALL))
    shown = [re.sub(r"^(?:sudo (?:-u \S+ )?)?(?:\.venv/bin/)?", "", line) for line in lines + spans]
    return [line.removeprefix("appliance ") for line in shown if line.startswith("appliance ")]


def verb_of(command: str) -> tuple[str, ...]:
    """The verb of a command line, one word or two: no options, no values, no placeholders."""
    words = shlex.split(command.replace("…", " … "), comments=True)
    verb = itertools.takewhile(re.compile(r"[a-z][a-z-]*").fullmatch, words)
    return tuple(verb)[:2]
