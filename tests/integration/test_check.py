"""``appliance check`` against servers that are well and servers that are not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.cli.app import run
from appliance.cli.words import words
from appliance.config.toml import load_settings
from tests.daemon_process import DaemonProcess
from tests.imap_account import PASSWORD, USER
from tests.imap_daemon import imap_daemon
from tests.raw_mail import raw_mail
from tests.servers.dovecot import Dovecot, free_port
from tests.servers.dovecot_config import Setup
from tests.servers.relay import Relay

PROBES = ["imap", "folders", "draft", "claim", "smtp", "round_trip"]


@pytest.fixture(scope="module")
def server() -> Iterator[Dovecot]:
    with Dovecot({USER: PASSWORD}) as dovecot:
        yield dovecot


class Account:
    """An account, and what ``appliance check`` says of it."""

    def __init__(
        self, server: Dovecot, relay: Relay, directory: Path, capture: pytest.CaptureFixture[str]
    ) -> None:
        self.server = server
        self.relay = relay
        self.directory = directory
        self.capture = capture
        self.daemon = self.configured(server)

    def configured(self, server: Dovecot, smtp: int | None = None) -> DaemonProcess:
        directory = self.directory / f"box-{len(list(self.directory.iterdir()))}"
        self.daemon = imap_daemon(directory, imap=server.imap, smtp=smtp or self.relay.port)
        return self.daemon

    def changed(self, old: str, new: str) -> None:
        text = self.daemon.config.read_text()
        assert old in text
        self.daemon.config.write_text(text.replace(old, new))

    def check(self, *options: str, status: int = 0) -> str:
        self.capture.readouterr()
        ended = run(["--config", str(self.daemon.config), "check", *options])
        printed = self.capture.readouterr()
        assert ended == status, printed
        return printed.out

    def states(self, *options: str, status: int = 0) -> dict[str, tuple[str, str]]:
        """State and what was found, by probe."""
        page = json.loads(self.check("--json", *options, status=status))
        assert page["right"] == (status == 0)
        return {row["probe"]: (row["state"], row["found"]) for row in page["probes"]}

    def left(self) -> dict[str, int]:
        """How many mails lie in each folder that has any."""
        server = self.server
        counts = {name: len(server.messages(USER, name)) for name in server.folders(USER)}
        return {name: count for name, count in counts.items() if count}


@pytest.fixture
def account(
    tmp_path: Path,
    server: Dovecot,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Account]:
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "en")
    monkeypatch.setenv("LANGUAGE", "")

    def into_the_inbox(recipient: str, raw: bytes, sender: str) -> None:
        if recipient == USER:
            server.deliver(USER, raw, sender)

    with Relay(users={USER: PASSWORD}, forward=into_the_inbox) as relay:
        yield Account(server, relay, tmp_path, capsys)
    words.choose("en")
    for folder in server.folders(USER):
        if folder != "INBOX":
            server.delete_folder(USER, folder)
    with server.session(USER, "INBOX") as client:
        client.delete_messages(client.search())
        client.expunge()


def test_servers_that_are_well_pass_every_probe_and_nothing_stays_behind(account: Account) -> None:
    table = account.check()
    assert table.startswith("Mailbox desk:\n")
    assert table.count(" [OK] ") == len(PROBES) == len(table.splitlines()) - 1
    assert len(account.relay.mails) == 1
    assert account.left() == {}


def test_scripts_get_fixed_words_and_what_was_learned(account: Account) -> None:
    page = json.loads(account.check("--json"))
    assert page["right"] is True
    rows: list[dict[str, Any]] = page["probes"]
    assert [row["probe"] for row in rows] == PROBES
    assert {row["state"] for row in rows} == {"ok"}
    assert {row["mailbox"] for row in rows} == {"desk"}
    assert rows[-1]["learned"] == {"sent_copy": "append"}
    assert PASSWORD not in json.dumps(page)


def test_the_table_is_chinese_where_that_is_asked_for(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "zh-Hans")
    table = account.check("--no-send")
    assert table.startswith("邮箱 desk：\n")
    assert all("\u4e00" <= line[6] <= "\u9fff" for line in table.splitlines()[1:])


def test_a_wrong_password_is_shown_to_one_server_only(account: Account) -> None:
    secret = account.daemon.directory / "secrets" / "desk"
    secret.write_text("canary-wrong-12")
    states = account.states(status=2)
    assert states["imap"] == ("failed", "refused")
    assert states["smtp"] == ("skipped", "refused_already")
    assert states["folders"] == states["claim"] == ("skipped", "not_signed_in")
    assert account.relay.seen("AUTH") == 0
    assert "canary-wrong-12" not in account.check(status=2)


def test_a_missing_secret_is_named(account: Account) -> None:
    (account.daemon.directory / "secrets" / "desk").unlink()
    assert "The secret desk is missing" in account.check(status=2)


def test_a_relay_that_is_down_fails_alone(account: Account) -> None:
    account.configured(account.server, smtp=free_port())
    states = account.states(status=2)
    assert states["smtp"] == ("failed", "unreachable")
    assert states["draft"] == ("ok", "draft")
    assert states["round_trip"] == ("skipped", "not_yet")
    assert account.left() == {}


def test_a_relay_that_refuses_the_sign_in_fails_alone(account: Account) -> None:
    account.relay.users = {USER: "another"}
    states = account.states(status=2)
    assert (states["imap"][0], states["smtp"]) == ("ok", ("failed", "refused"))


def test_a_certificate_nobody_trusts_is_told(account: Account) -> None:
    account.changed(
        f'port = {account.server.imap}\nsecurity = "none"',
        f'port = {account.server.imaps}\nsecurity = "tls"',
    )
    assert account.states(status=2)["imap"] == ("failed", "wrong")
    assert "the certificate is not trusted" in account.check(status=2)


def test_a_server_that_keeps_sent_mail_itself_is_told(account: Account) -> None:
    def deliver_and_file(recipient: str, raw: bytes, sender: str) -> None:
        account.server.append(USER, "Sent", raw)
        account.server.deliver(recipient, raw, sender)

    account.relay.forward = deliver_and_file
    assert account.states()["round_trip"] == ("warn", "copied")
    assert 'set sent_copy = "server"' in account.check()
    assert account.left() == {}

    account.changed("[mailbox.smtp]\n", '[mailbox.smtp]\nsent_copy = "server"\n')
    assert account.states()["round_trip"] == ("ok", "came_back")
    account.relay.forward = account.server.deliver
    assert account.states()["round_trip"] == ("warn", "not_copied")


def test_what_the_server_vouches_with_is_learned(account: Account) -> None:
    def vouching(recipient: str, raw: bytes, sender: str) -> None:
        head = b"Authentication-Results: mx.office.example.com;\r\n spf=pass\r\n"
        account.server.deliver(recipient, head + raw, sender)

    account.relay.forward = vouching
    page = json.loads(account.check("--json"))
    assert page["probes"][-1]["learned"]["authserv_id"] == "mx.office.example.com"


def test_a_server_without_idle_is_polled(account: Account) -> None:
    with Dovecot({USER: PASSWORD}, Setup(hidden=("IDLE",))) as silent:
        account.configured(silent)
        assert account.states("--no-send")["imap"] == ("ok", "polled")
        assert "the inbox is looked at every 1 s" in account.check("--no-send")


def test_no_send_sends_nothing(account: Account) -> None:
    assert account.states("--no-send")["round_trip"] == ("skipped", "not_asked")
    assert account.relay.mails == ()
    assert account.relay.seen("DATA") == 0
    assert account.left() == {}


def test_a_mail_that_does_not_come_back_is_told(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from appliance.mailbox import probe

    monkeypatch.setattr(probe, "ROUND_TRIP", timedelta(seconds=0.1))
    account.relay.forward = None
    assert account.states(status=2)["round_trip"] == ("failed", "lost")


def test_mail_that_others_marked_as_deleted_stays(account: Account) -> None:
    account.server.append(USER, "INBOX", raw_mail(1), flags=(b"\\Deleted",))
    account.check()
    assert account.left() == {"INBOX": 1}


def test_it_works_beside_a_running_service_which_answers_nothing_to_it(account: Account) -> None:
    daemon = account.daemon
    daemon.start()
    daemon.until(lambda: "Appliance" in account.server.folders(USER))
    states = account.states()
    assert states["claim"] == ("ok", "ours")
    assert states["round_trip"] == ("ok", "came_back")
    # Another box would be told that this one is there.
    account.configured(account.server)
    assert account.states("--no-send")["claim"] == ("warn", "claimed")

    account.server.deliver(USER, raw_mail(1), "customer1@customers.example")
    daemon.until(lambda: "drafted" in daemon.states())
    assert set(daemon.states()) <= {"drafted", "skipped"}
    assert len(account.relay.mails) == 1
    left = account.left()
    assert left.pop("Appliance") >= 1
    assert left == {"INBOX": 1, "Drafts": 1}
    assert daemon.stop() == 0


def test_a_folder_mailbox_is_looked_at_without_being_made(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    daemon = DaemonProcess(tmp_path / "box")
    line = ["--config", str(daemon.config), "check"]
    assert run(line) == 0
    assert "is not there yet; the service makes it." in capsys.readouterr().out
    assert not daemon.mail.exists()
    for folder in ("", "Drafts", "Sent", "Handled", "Held", "Skipped"):
        for part in ("tmp", "new", "cur"):
            (daemon.mail / folder / part).mkdir(parents=True, exist_ok=True)
    daemon.deliver("1730538000.M1P1.host", raw_mail(1))
    assert run(line) == 0
    assert "mails in the inbox: 1." in capsys.readouterr().out
    assert load_settings(daemon.config).mailbox[0].path == daemon.mail


def test_a_mailbox_whose_sign_in_cannot_work_does_not_hide_the_others(
    account: Account, tmp_path: Path
) -> None:
    account.changed(
        'secret = "desk"\n',
        'method = "microsoft"\nclient_id = "1"\nflow = "secret"\nsecret = "desk"\n',
    )
    with account.daemon.config.open("a") as file:
        office = account.daemon.directory / "office"
        file.write(
            f'[[mailbox]]\nname = "paper"\noffice = "{office}"\npath = "{tmp_path / "paper"}"\n'
        )
    states = account.states(status=2)
    assert states == {"sign_in": ("failed", "wrong"), "folder": ("warn", "no_folder")}
