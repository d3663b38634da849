"""The lock files: they fit pyproject.toml, carry hashes, and name no place to download from."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
WANTED = {
    "requirements.lock": PROJECT["project"]["dependencies"],
    "requirements-build.lock": PROJECT["dependency-groups"]["build"],
    "requirements-dev.lock": PROJECT["dependency-groups"]["dev"],
}
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^\s;\\]+)", re.MULTILINE)


def text_of(lock: str) -> str:
    return (ROOT / lock).read_text("utf-8")


def pins(lock: str) -> dict[str, Version]:
    return {
        canonicalize_name(match["name"]): Version(match["version"])
        for match in PIN.finditer(text_of(lock))
    }


@pytest.mark.parametrize("lock", WANTED)
def test_the_lock_satisfies_the_project(lock: str) -> None:
    locked = pins(lock)
    for line in WANTED[lock]:
        requirement = Requirement(line)
        name = canonicalize_name(requirement.name)
        assert name in locked, f"{name} is not locked; run scripts/lock"
        assert locked[name] in requirement.specifier, f"{name}: run scripts/lock"


@pytest.mark.parametrize("lock", WANTED)
def test_every_locked_package_has_hashes_and_one_version(lock: str) -> None:
    names = [canonicalize_name(match["name"]) for match in PIN.finditer(text_of(lock))]
    assert names
    assert len(names) == len(set(names))
    for block in re.split(r"(?m)^(?=[A-Za-z0-9])", text_of(lock)):
        if PIN.match(block):
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", block), block.splitlines()[0]


@pytest.mark.parametrize("lock", WANTED)
def test_a_lock_names_no_host_no_path_and_no_option(lock: str) -> None:
    text = re.sub(r"--hash=sha256:[0-9a-f]{64}", "", text_of(lock))
    assert "://" not in text
    assert not re.search(r"(?m)^\s*-", text), "an option line"
    assert not re.search(r"(?<!\w)/\w+/", text), "a path of one machine"


def test_the_locks_agree_with_each_other() -> None:
    together: dict[str, Version] = {}
    for lock in WANTED:
        for name, version in pins(lock).items():
            assert together.setdefault(name, version) == version, name


def test_the_engine_is_locked_to_its_source_archive() -> None:
    block = next(
        part
        for part in re.split(r"(?m)^(?=[A-Za-z0-9])", text_of("requirements.lock"))
        if part.startswith("llama-cpp-python==")
    )
    assert len(re.findall(r"--hash=", block)) == 1
