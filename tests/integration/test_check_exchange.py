"""``appliance check`` on mailboxes at the servers of the tests for Exchange, grommunio and Graph."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.app import run
from appliance.cli.words import words
from appliance.mailbox import probe_send
from tests.daemon_process import DaemonProcess
from tests.store_site import CLIENT_SECRET, DESK, KINDS, OTHER, PASSWORD, StoreSite, store_site

FOLDERS = ("Inbox", "Drafts", "Sent Items", "Outbox", "Deleted Items", "Handled", "Held", "Skipped")


_NOT_LET_IN = {("ok", "kept_out"), ("warn", "unclear")}


class Desk:
    """A site, the configuration of a box, and what ``appliance check`` says of it."""

    def __init__(
        self,
        site: StoreSite,
        monkeypatch: pytest.MonkeyPatch,
        capture: pytest.CaptureFixture[str],
    ) -> None:
        self.site = site
        self.capture = capture
        self.box = site.daemon()
        if site.oauth is not None:
            monkeypatch.setenv("SSL_CERT_FILE", str(site.oauth.ca_file))

    def check(self, *options: str, status: int = 0) -> str:
        self.capture.readouterr()
        ended = run(["--config", str(self.box.config), "check", *options])
        printed = self.capture.readouterr()
        assert ended == status, printed
        return printed.out

    def rows(self, *options: str, status: int = 0) -> dict[str, dict[str, Any]]:
        page = json.loads(self.check("--json", *options, status=status))
        assert page["right"] == (status == 0)
        return {row["probe"]: row for row in page["probes"]}

    def states(self, *options: str, status: int = 0) -> dict[str, tuple[str, str]]:
        rows = self.rows(*options, status=status)
        return {name: (row["state"], row["found"]) for name, row in rows.items()}

    def changed(self, old: str, new: str) -> None:
        text = self.box.config.read_text()
        assert old in text
        self.box.config.write_text(text.replace(old, new))

    def left(self) -> dict[str, int]:
        counts = {name: len(self.site.lying(name)) for name in FOLDERS}
        return {name: count for name, count in counts.items() if count}


@pytest.fixture(params=KINDS)
def desk(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Desk]:
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "en")
    monkeypatch.setenv("LANGUAGE", "")
    monkeypatch.setattr(probe_send, "LOOK_SECONDS", 0.05)
    with store_site(request.param, tmp_path) as site:
        yield Desk(site, monkeypatch, capsys)
    words.choose("en")


def expected(kind: str) -> dict[str, tuple[str, str]]:
    if kind == "Graph":
        before = {
            "server": ("ok", "answers"),
            "sign_in": ("ok", "token"),
        }
        sending = {}
    else:
        before = {"server": ("ok", "answers")}
        sending = {"send": ("ok", "sends")}
    return {
        **before,
        "mailbox": ("ok", "read"),
        "other": ("ok", "kept_out"),
        "folders": ("ok", "folders_ready"),
        "draft": ("ok", "draft_marked"),
        "claim": ("ok", "unclaimed"),
        **sending,
        "round_trip": ("ok", "came_back"),
        "marking": ("ok", "marked"),
    }


def test_a_site_that_is_well_passes_every_probe_and_nothing_stays(desk: Desk) -> None:
    assert desk.states("--other", OTHER) == expected(desk.site.kind)
    assert desk.left() == {}


def test_a_person_reads_a_table_in_either_language(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = desk.check("--other", OTHER).splitlines()
    assert table[0] == "Mailbox desk:"
    assert len(table) == len(expected(desk.site.kind)) + 1
    assert all(line.startswith(" [OK] ") for line in table[1:])
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "zh-Hans")
    chinese = desk.check("--other", OTHER).splitlines()
    assert len(chinese) == len(table)
    assert all("\u4e00" <= line[6] <= "\u9fff" for line in chinese[1:])


def test_no_send_sends_nothing(desk: Desk) -> None:
    states = desk.states("--no-send")
    assert states["round_trip"] == ("skipped", "not_asked")
    assert states["other"] == ("skipped", "not_named")
    assert desk.site.posted().total() == 0
    assert desk.left() == {}


def test_a_sign_in_that_is_refused_is_told_once(desk: Desk) -> None:
    secret = desk.box.directory / "secrets" / "desk"
    secret.write_text("canary-wrong-12")
    states = desk.states("--other", OTHER, status=2)
    named = "sign_in" if desk.site.kind == "Graph" else "mailbox"
    assert states[named] == ("failed", "refused")
    assert states["draft"] == states["other"] == ("skipped", "not_signed_in")
    assert states["round_trip"][0] == "skipped"
    if desk.site.ews is not None:
        assert desk.site.ews.refusals == 1
    assert "canary-wrong-12" not in desk.check(status=2)


def test_a_mailbox_that_is_closed_to_us_is_told(desk: Desk) -> None:
    desk.changed(f'mailbox = "{DESK}"', f'mailbox = "{OTHER}"')
    assert desk.states(status=2)["mailbox"] == ("failed", "refused")


def test_a_sign_in_that_reaches_other_mailboxes_is_warned_of(desk: Desk) -> None:
    if desk.site.graph is not None:
        graph = desk.site.graph
        assert desk.site.oauth is not None

        def generous(_user: str, _seconds: float) -> str:
            graph.tokens.add("access-all", mailboxes={DESK, OTHER})
            return "access-all"

        desk.site.oauth.mint = generous
    else:
        assert desk.site.ews is not None
        desk.site.ews.access = None
    row = desk.rows("--no-send", "--other", OTHER)["other"]
    assert (row["state"], row["found"]) == ("warn", "let_in")
    assert OTHER in row["said"]
    assert "docs/exchange.md" in row["said"]


def test_an_address_that_is_none_never_counts_as_let_in(desk: Desk) -> None:
    found = desk.states("--no-send", "--other", "nobody@office.example.com")["other"]
    # A delegate is told the same of a mailbox that is closed and of one that is not there.
    wanted = {("warn", "unclear")} if desk.site.kind == "Graph" else _NOT_LET_IN
    assert found in wanted


def test_a_certificate_nobody_trusts_is_told(desk: Desk) -> None:
    server = desk.site.graph or desk.site.ews
    assert server is not None
    desk.changed(f'ca_file = "{server.ca_file}"\n', "")
    row = desk.rows(status=2)["server"]
    assert (row["state"], row["found"]) == ("failed", "wrong")
    assert "the certificate is not trusted" in row["said"]


def test_a_server_that_is_away_is_told(desk: Desk) -> None:
    server = desk.site.graph or desk.site.ews
    assert server is not None
    server.stop()
    states = desk.states(status=2)
    assert states["server"] == ("failed", "unreachable")
    assert states["mailbox"] == ("skipped", "not_yet")


@pytest.mark.parametrize("desk", ["grommunio"], indirect=True)
def test_the_way_of_sending_is_learned_from_the_server(desk: Desk) -> None:
    desk.changed('send = "update_item"', 'send = "send_item"')
    row = desk.rows()["send"]
    assert (row["state"], row["found"]) == ("warn", "sends_otherwise")
    assert row["learned"] == {"send": "update_item"}
    assert 'set send = "update_item"' in row["said"]
    assert desk.left() == {}


def test_it_works_beside_a_running_service_which_answers_nothing_to_it(desk: Desk) -> None:
    daemon = desk.box
    daemon.start()
    daemon.until(lambda: desk.site.lying("Appliance") != [])
    states = desk.states()
    assert states["claim"] == ("ok", "ours")
    assert states["round_trip"] == ("ok", "came_back")
    desk.box = desk.site.daemon("second")
    assert desk.states("--no-send")["claim"] == ("warn", "noted")
    desk.box = daemon
    assert daemon.stop() == 0
    assert set(daemon_states(daemon)) <= {"skipped"}
    assert desk.left().keys() <= {"Skipped"}


def daemon_states(daemon: DaemonProcess) -> list[str]:
    """What the service made of the mails it saw; it may have seen none."""
    daemon.start()
    states = daemon.states()
    assert daemon.stop() == 0
    return list(states)


def test_what_is_recorded_has_every_shape_and_nothing_personal(desk: Desk, tmp_path: Path) -> None:
    raw = b"From: rosa.told@customers.example\r\nSubject: canary\r\nMessage-ID: <c@x.example>\r\n"
    desk.site.server.deliver(DESK, raw + b"\r\ncanary text\r\n")
    record = tmp_path / "record"
    desk.check("--other", OTHER, "--record", str(record))
    files = sorted(record.iterdir())
    assert len(files) > 10
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    text = "\n".join(file.read_text() for file in files)
    if desk.site.kind == "Graph":
        assert '"code": "ErrorAccessDenied"' in text
        assert "/mailFolders/" in text
    else:
        assert "ResponseCode>NoError<" in text
        assert {file.name.partition("-")[2] for file in files} >= {
            "FindItem.txt",
            "CreateItem.txt",
            "SendItem.txt" if desk.site.kind == "Exchange" else "UpdateItem.txt",
        }
    secrets = (PASSWORD, CLIENT_SECRET, "access-1", DESK, OTHER, "rosa", "canary", "office.example")
    assert [secret for secret in secrets if secret in text] == []
    assert "Mail appliance: a check" not in text
