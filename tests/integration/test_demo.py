"""The demo with the small real model, as ``scripts/demo --json`` runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path

from appliance.cli import demo
from tests.real_model import model_file

ROOT = Path(__file__).parents[2]
KEYS = ["mail", "route", "state", "findings", "draft", "tokens_per_second", "seconds"]
ENDS = {"answer": {"drafted", "held"}, "hold": {"held", "parked"}, "skip": {"skipped"}}


def small_model() -> Path:
    """As ``scripts/test`` names it, else where the demo looks for it."""
    named = os.environ.get("APPLIANCE_DEMO_MODEL")
    return Path(named) if named else model_file()


def test_every_sample_mail_ends_on_its_route_and_real_drafts_are_written(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "appliance",
        "demo",
        "--json",
        "--keep",
        str(tmp_path / "kept"),
    ]
    ran = subprocess.run(
        [*command, "--model", str(small_model())],
        cwd=ROOT,
        env={**os.environ, "APPLIANCE_LANGUAGE": "en"},
        capture_output=True,
        text=True,
        timeout=540,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    expected = json.loads((demo.SAMPLE / "expected.json").read_text("utf-8"))
    assert [list(row) for row in rows] == [KEYS] * len(rows)
    assert {row["mail"]: row["route"] for row in rows} == {
        name: told["route"] for name, told in expected.items()
    }
    assert all(row["state"] in ENDS[row["route"]] for row in rows)
    drafts = [row for row in rows if row["draft"] is not None]
    assert len(drafts) >= 5
    assert len({row["draft"] for row in drafts}) >= 5
    assert all(row["tokens_per_second"] > 0 and row["seconds"] > 0 for row in drafts)
    assert all(
        row["tokens_per_second"] is row["seconds"] is None for row in rows if not row["draft"]
    )
    assert f"{len(rows)} mails delivered." in ran.stderr
    assert "very small model" in ran.stderr
    told = [line.split()[0] for line in ran.stderr.splitlines() if line]
    for state in ("drafted", "held", "skipped"):
        assert told.count(state) == sum(row["state"] == state for row in rows)
    # Nothing is left running, and what was kept is whole.
    assert not (tmp_path / "kept" / "control.sock").exists()
    assert (tmp_path / "kept" / "state" / "appliance.sqlite3").is_file()


def demo_run(directory: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The demo in ``directory``, as a shell there would run it."""
    return subprocess.run(
        [sys.executable, "-m", "appliance", "demo", *(str(word) for word in arguments)],
        cwd=directory,
        env={**os.environ, "APPLIANCE_LANGUAGE": "en", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_model_that_cannot_be_used_ends_the_demo_with_a_sentence(tmp_path: Path) -> None:
    model = tmp_path / "broken.gguf"
    model.write_bytes(b"GGUF" + bytes(100))
    # A relative directory, as somebody at a shell would name it.
    ran = demo_run(tmp_path, "--model", model, "--keep", "kept")
    assert ran.returncode == 2, ran.stderr
    assert str(model) in ran.stderr.splitlines()[-1]
    assert "Traceback" not in ran.stderr
    assert (tmp_path / "kept" / "state").is_dir()
    again = demo_run(tmp_path, "--model", model, "--keep", "kept")
    assert again.returncode == 2
    assert "holds an earlier run" in again.stderr
    below = demo_run(tmp_path, "--model", model, "--keep", model / "kept")
    assert below.returncode == 2
    assert "it cannot be made: Not a directory." in below.stderr


def test_a_demo_daemon_that_does_not_start_says_why(tmp_path: Path) -> None:
    ran = demo_run(tmp_path, "--model", small_model(), "--slots", 0)
    assert ran.returncode == 2
    assert "slots" in ran.stderr
    assert "Traceback" not in ran.stderr
