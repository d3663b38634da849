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
