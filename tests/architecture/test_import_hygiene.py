"""What importing a module really loads, seen from a fresh interpreter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = {"llama_cpp", "numpy", "exchangelib", "textual", "lxml", "requests", "imapclient", "msal"}
MAIL = {"imapclient", "msal", "requests", "exchangelib", "cryptography", "rapidfuzz"}
# Coverage would load its own database into the interpreter that is looked at.
UNMEASURED = {key: value for key, value in os.environ.items() if not key.startswith("COVERAGE")}
PURE = ("domain", "screen", "prompt", "guard", "config")


def loaded_by(module: str) -> set[str]:
    """Top-level names in ``sys.modules`` after a fresh interpreter imported ``module`` (or several)."""
    program = (
        f"import {module}, json, sys;"
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=UNMEASURED,
    )
    assert ended.returncode == 0, ended.stderr
    return set(json.loads(ended.stdout))


def modules_of(package: str) -> list[str]:
    """Every module of one package of the appliance that is there, dotted."""
    files = sorted((ROOT / "appliance" / package).rglob("*.py"))
    return [
        ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for file in files
    ]


def test_the_probe_sees_what_a_module_loads() -> None:
    assert {"llama_cpp", "numpy"} <= loaded_by("llama_cpp")


def test_the_command_line_starts_without_engine_and_mail_libraries() -> None:
    assert not loaded_by("appliance.cli.app") & (HEAVY | {"sqlite3"})


def test_building_the_whole_command_line_loads_no_engine() -> None:
    program = "from appliance.cli.app import parser; parser(); import sys; print(*sys.modules)"
    ended = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env=UNMEASURED,
    )
    assert ended.returncode == 0, ended.stderr
    assert not {"llama_cpp", "exchangelib"} & set(ended.stdout.split())


def test_a_daemon_on_a_folder_loads_no_mail_libraries() -> None:
    assert not loaded_by("appliance.daemon") & MAIL


def test_an_account_with_a_password_loads_no_sign_in_library() -> None:
    assert loaded_by("appliance.mailbox.account") & MAIL == {"imapclient"}


def test_the_control_client_opens_no_database_and_no_engine() -> None:
    assert not loaded_by("appliance.control.client") & (HEAVY | {"sqlite3", "watchdog"})


@pytest.mark.parametrize("package", PURE)
def test_a_package_of_decisions_loads_nothing_heavy(package: str) -> None:
    names = modules_of(package)
    assert names, f"appliance.{package} has no modules"
    assert not loaded_by(", ".join(names)) & (HEAVY | {"sqlite3", "watchdog", "psutil"})


def test_the_engine_library_is_loaded_by_the_engine_alone() -> None:
    for package in ("mailbox", "knowledge", "store", "flow", "control", "host"):
        names = modules_of(package)
        assert names, f"appliance.{package} has no modules"
        assert "llama_cpp" not in loaded_by(", ".join(names)), package
