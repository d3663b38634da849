"""What importing a module really loads, seen from a fresh interpreter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon_process import DaemonProcess
from tests.store_desk import troubles

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


TELLING = """
import atexit, json, sys
from pathlib import Path
from appliance.cli.app import run
names = lambda: sorted({{name.partition(".")[0] for name in sys.modules}})
atexit.register(lambda: Path({file!r}).write_text(json.dumps(names())))
sys.exit(run(sys.argv[1:]))
"""
"""The real command line, which writes down at its end what it has loaded."""

SIGN_IN = '[mailbox.sign_in]\nuser = "desk@office.example.com"\nsecret = "desk"\n'
APPLICATION = (
    'method = "microsoft"\nflow = "secret"\nclient_id = "11111111-2222-3333-4444-555555555555"\n'
    'tenant = "northgate.example"\nauthority = "https://127.0.0.1:9"\n'
)
# Nothing listens there: a daemon has loaded what it needs before it finds that out.
ACCOUNTS = {
    "folder": "",
    "imap": f'kind = "imap"\n{SIGN_IN}[mailbox.imap]\nhost = "127.0.0.1"\nport = 9\n'
    '[mailbox.smtp]\nhost = "127.0.0.1"\nport = 9\n',
    "exchange": f'kind = "exchange"\n{SIGN_IN}[mailbox.exchange]\nserver = "https://127.0.0.1:9"\n',
    "graph": f'kind = "graph"\n{SIGN_IN}{APPLICATION}[mailbox.graph]\n'
    'mailbox = "desk@office.example.com"\nendpoint = "https://127.0.0.1:9"\n',
}
LOADED = {
    "folder": set(),
    "imap": {"imapclient"},
    "exchange": {"exchangelib", "requests", "lxml"},
    "graph": {"msal", "requests"},
}
LIBRARIES = {"imapclient", "msal", "requests", "exchangelib", "lxml"}


@pytest.mark.parametrize("kind", ACCOUNTS)
def test_a_running_daemon_has_loaded_the_libraries_of_its_own_kind_alone(
    tmp_path: Path, kind: str
) -> None:
    told = tmp_path / "modules.json"
    command = ("-c", TELLING.format(file=str(told)))
    daemon = DaemonProcess(tmp_path, account=ACCOUNTS[kind], command=command, measured=False)
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "desk").write_text("canary\n")
    (tmp_path / "secrets" / "desk").chmod(0o600)
    daemon.start()
    if kind == "folder":
        daemon.until(lambda: bool(daemon.client.call("status")["mailboxes"][0]["last_contact"]))
        assert not loaded_by_status(daemon, tmp_path / "status.json") & (HEAVY | {"sqlite3"})
    else:
        daemon.until(lambda: "mail in desk" in troubles(daemon))
    assert daemon.stop() == 0
    assert set(json.loads(told.read_text())) & LIBRARIES == LOADED[kind]


def loaded_by_status(daemon: DaemonProcess, told: Path) -> set[str]:
    """What ``appliance status`` has loaded when it is done."""
    program = TELLING.format(file=str(told))
    command = [sys.executable, "-c", program, "--config", str(daemon.config), "status"]
    subprocess.run(command, cwd=ROOT, env=UNMEASURED, check=True, capture_output=True, timeout=60)
    return set(json.loads(told.read_text()))


def test_the_engine_library_is_loaded_by_the_engine_alone() -> None:
    for package in ("mailbox", "knowledge", "store", "flow", "control", "host"):
        names = modules_of(package)
        assert names, f"appliance.{package} has no modules"
        assert "llama_cpp" not in loaded_by(", ".join(names)), package
