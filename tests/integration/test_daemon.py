"""The running daemon: a person's acts, what keeps mail from leaving, starts, stops and troubles."""

import json
import socket
from collections.abc import Callable, Iterator
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import pytest

from appliance.cli.app import run
from appliance.domain.errors import ApplianceError, Conflict
from tests.daemon_process import KNOWLEDGE, OFFICE, DaemonProcess
from tests.raw_mail import raw_mail

SLOW = """
import sys
from functools import partialmethod

from appliance.cli.app import run
from appliance.engine.scripted import ScriptedEngine

ScriptedEngine.__init__ = partialmethod(ScriptedEngine.__init__, seconds_per_reply=600.0)
sys.exit(run(sys.argv[1:]))
"""
"""The real command line with an engine that needs ten minutes for a reply."""

FAILING = """
import sys
from appliance.cli.app import run
from appliance.engine import scripted
from appliance.flow.verbs import Verbs

def write(prompt):
    raise RuntimeError(prompt.body)

def show(self, who, arguments):
    raise RuntimeError(str(self._store.get(arguments["id"])))

scripted.ScriptedEngine.__init__.__kwdefaults__["reply"] = write
Verbs.mail_show = show
sys.exit(run(sys.argv[1:]))
"""
"""The real command line, where engine and a verb fail and their errors quote the mail."""

DYING = """
import sys
from appliance.cli.app import run
from appliance.flow.clerk import Clerk

def once(self):
    job = self._store.claim(frozenset({"received"}), __import__("datetime").timedelta(1))
    if job is not None:
        raise RuntimeError(str(job))
    return False

Clerk.once = once
sys.exit(run(sys.argv[1:]))
"""
"""The real command line with a clerk whose thread dies of its first mail."""

STOP_SECONDS = 10
NUMBERS = count(1)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """What is approved leaves at once."""
    process = DaemonProcess(tmp_path_factory.mktemp("daemon"))
    process.start()
    yield process
    process.stop()


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., DaemonProcess]]:
    """Daemons of the test's own, in a directory each; ended with it."""
    made: list[DaemonProcess] = []

    def new(**settings: Any) -> DaemonProcess:
        process = DaemonProcess(tmp_path / str(len(made)), **settings)
        made.append(process)
        return process

    yield new
    for process in made:
        if not process.ended():
            process.kill()


def arrived(
    daemon: DaemonProcess, number: int, raw: bytes | None = None, state: str = "drafted"
) -> int:
    """Deliver the mail of this number; its job's number once it is in that state."""
    daemon.deliver(f"mail{number}", raw or raw_mail(number))
    found: list[dict[str, Any]] = []

    def there() -> bool:
        found[:] = [job for job in daemon.jobs() if job["subject"] == f"Question {number}"]
        return bool(found) and found[0]["state"] == state

    daemon.until(there)
    return int(found[0]["id"])


def shown(daemon: DaemonProcess, job: int) -> dict[str, Any]:
    return dict(daemon.client.call("mail.show", id=job))


def ledger(daemon: DaemonProcess, job: int) -> list[dict[str, Any]]:
    return list(daemon.client.call("mail.why", id=job)["ledger"])


def replies(daemon: DaemonProcess, number: int) -> list[EmailMessage]:
    """What lies in Sent as an answer to the mail of this number."""
    sent = [
        message_from_bytes(path.read_bytes(), policy=policy.default)
        for path in daemon.in_folder("Sent")
    ]
    return [
        reply for reply in sent if reply["In-Reply-To"] == f"<question-{number}@customers.example>"
    ]


def text_of(reply: EmailMessage) -> str:
    body = reply.get_body(("plain",))
    assert body is not None
    return "\n".join(str(body.get_content()).splitlines())


def in_folder(daemon: DaemonProcess, folder: str, number: int) -> bool:
    return any(path.name.partition(":")[0] == f"mail{number}" for path in daemon.in_folder(folder))


def test_what_a_person_approves_leaves_once_and_is_filed(daemon: DaemonProcess) -> None:
    number = next(NUMBERS)
    job = arrived(daemon, number)
    assert not in_folder(daemon, "Handled", number)
    assert replies(daemon, number) == []
    daemon.client.call("mail.approve", id=job, version=1)
    daemon.until(lambda: in_folder(daemon, "Handled", number))
    (reply,) = replies(daemon, number)
    assert reply["To"].addresses[0].addr_spec == f"customer{number}@customers.example"
    assert reply["From"].addresses[0].addr_spec == "desk@office.example.com"
    assert reply["Subject"] == f"Re: Question {number}"
    assert "Thank you for your message." in text_of(reply)
    assert shown(daemon, job)["state"] == "sent"
    assert [entry["after"] for entry in ledger(daemon, job)] == [
        "received",
        "screened",
        "drafted",
        "approved",
        "sending",
        "sent",
    ]
    with pytest.raises(Conflict):
        daemon.client.call("mail.undo", id=job)


def test_what_a_person_wrote_is_what_leaves(daemon: DaemonProcess) -> None:
    number = next(NUMBERS)
    job = arrived(daemon, number)
    edited = daemon.client.call(
        "mail.edit", id=job, text="周六九点开门。\nWe open at 9:00.", version=1
    )
    assert edited["version"] == 2
    with pytest.raises(Conflict, match="not the newest"):
        daemon.client.call("mail.approve", id=job, version=1)
    daemon.client.call("mail.approve", id=job, version=2)
    daemon.until(lambda: len(replies(daemon, number)) == 1)
    assert "周六九点开门。\nWe open at 9:00." in text_of(replies(daemon, number)[0])
    assert [draft["author"] == "engine" for draft in shown(daemon, job)["drafts"]] == [True, False]


def test_a_rejected_mail_is_handled_without_an_answer(daemon: DaemonProcess) -> None:
    number = next(NUMBERS)
    job = arrived(daemon, number)
    daemon.client.call("mail.reject", id=job, reason="Phoned\nher.")
    daemon.until(lambda: in_folder(daemon, "Handled", number))
    assert replies(daemon, number) == []
    assert ledger(daemon, job)[-1]["note"] == "Rejected: Phoned her."
    drafts = [path.read_bytes() for path in daemon.in_folder("Drafts")]
    assert not any(f"<question-{number}@".encode() in draft for draft in drafts)


def test_a_mail_that_is_drafted_again_gets_a_second_version(daemon: DaemonProcess) -> None:
    number = next(NUMBERS)
    job = arrived(daemon, number)
    daemon.client.call("mail.redo", id=job, note="Shorter, please.")
    daemon.until(lambda: shown(daemon, job)["version"] == 2)
    found = shown(daemon, job)
    assert found["state"] == "drafted"
    assert [draft["author"] for draft in found["drafts"]] == ["engine", "engine"]


def test_a_request_that_comes_twice_is_carried_out_once(daemon: DaemonProcess) -> None:
    number = next(NUMBERS)
    job = arrived(daemon, number)
    request = {"id": str(uuid4()), "verb": "mail.approve", "arguments": {"id": job, "version": 1}}
    answers = [_asked(daemon, request) for _ in range(2)]
    assert answers[0]["ok"]
    assert answers[0] == answers[1]
    daemon.until(lambda: in_folder(daemon, "Handled", number))
    assert _asked(daemon, request) == answers[0]
    assert [entry["after"] for entry in ledger(daemon, job)].count("approved") == 1
    assert len(replies(daemon, number)) == 1
    refused = _asked(daemon, {**request, "id": str(uuid4())})
    assert refused["error"]["kind"] == "Conflict"


def _asked(daemon: DaemonProcess, request: dict[str, Any]) -> dict[str, Any]:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(30)
        connection.connect(str(daemon.socket))
        connection.sendall(json.dumps(request).encode() + b"\n")
        with connection.makefile("rb") as answers:
            return dict(json.loads(answers.readline()))


def test_a_mail_too_large_to_read_is_parked_and_kept_as_it_came(daemon: DaemonProcess) -> None:
    number = next(NUMBERS)
    raw = raw_mail(number, text="All work and no play. " * (21 * 1024 * 1024 // 22))
    daemon.deliver(f"mail{number}", raw)
    daemon.until(lambda: in_folder(daemon, "Held", number))
    (job,) = daemon.client.call("mail.list", state="parked")
    (file,) = daemon.in_folder("Held")
    assert file.read_bytes() == raw
    assert ledger(daemon, job["id"])[-1]["after"] == "parked"
    with pytest.raises(Conflict, match="could not be read"):
        daemon.client.call("mail.retry", id=job["id"])


@pytest.mark.parametrize(
    "raw",
    [bytes(range(256)) * 64, b"", b"\x00" * 5000, b"From: \n\n\n", raw_mail(7)[:90]],
    ids=["bytes", "empty", "zeros", "nobody", "cut"],
)
def test_what_is_no_mail_waits_for_a_person_and_is_kept_as_it_came(
    daemon: DaemonProcess, raw: bytes
) -> None:
    number = next(NUMBERS)
    known = {job["id"] for job in daemon.jobs()}
    daemon.deliver(f"mail{number}", raw)

    def fresh() -> list[dict[str, Any]]:
        return [job for job in daemon.jobs() if job["id"] not in known]

    daemon.until(lambda: [job["state"] for job in fresh()] in (["parked"], ["held"], ["skipped"]))
    (job,) = fresh()
    folder = "Skipped" if job["state"] == "skipped" else "Held"
    daemon.until(lambda: in_folder(daemon, folder, number))
    assert any(file.read_bytes() == raw for file in daemon.in_folder(folder))
    assert shown(daemon, job["id"])["drafts"] == []


def test_an_approval_is_taken_back_before_the_reply_has_left(
    make: Callable[..., DaemonProcess],
) -> None:
    daemon = make(flow="undo_seconds = 30.0\n")
    daemon.start()
    first, second = arrived(daemon, 1), arrived(daemon, 2)
    approved = daemon.client.call("mail.approve", id=first)
    assert approved["state"] == "approved"
    assert approved["due"] > approved["changed"]
    daemon.client.call("mail.approve", id=second)
    assert daemon.client.call("mail.undo", id=first)["state"] == "drafted"
    # What was approved before a restart can still be taken back after it.
    assert daemon.stop() == 0
    daemon.start()
    assert daemon.client.call("mail.undo", id=second)["state"] == "drafted"
    assert daemon.stop() == 0
    assert daemon.in_folder("Sent") == []
    assert len(daemon.in_folder(".")) == 2


def test_stopped_sending_stays_stopped_over_a_restart_until_it_is_resumed(
    make: Callable[..., DaemonProcess],
) -> None:
    daemon = make(automatic=True)
    daemon.start()
    daemon.client.call("stop-sending", why="Stocktaking")
    held_back = arrived(daemon, 1, state="approved")
    assert daemon.stop() == 0
    daemon.start()
    page = daemon.client.call("status")
    assert page["verdict"] == "sending stopped"
    (switch,) = page["switches"]
    assert (switch["name"], switch["why"]) == ("stop_sending", "Stocktaking")
    # The clerk screens a later mail, so it has looked at the approved one as well.
    arrived(daemon, 2, state="approved")
    assert shown(daemon, held_back)["state"] == "approved"
    assert daemon.in_folder("Sent") == []
    assert daemon.client.call("resume", what="sending") == []
    daemon.until(lambda: daemon.states() == ["sent", "sent"])
    assert len(daemon.in_folder("Sent")) == 2
    assert daemon.stop() == 0


def test_a_pause_lets_mail_in_and_drafts_nothing(make: Callable[..., DaemonProcess]) -> None:
    daemon = make()
    daemon.start()
    daemon.client.call("pause", minutes=0, why="Quiet")
    arrived(daemon, 1, state="screened")
    assert daemon.stop() == 0
    daemon.start()
    arrived(daemon, 2, state="screened")
    assert daemon.states() == ["screened", "screened"]
    daemon.client.call("resume")
    daemon.until(lambda: daemon.states() == ["drafted", "drafted"])
    assert daemon.stop() == 0


def refused(daemon: DaemonProcess) -> list[str]:
    """What a daemon says that does not want to start."""
    daemon.start(wait=False)
    daemon.until(daemon.ended)
    assert daemon.process is not None
    assert daemon.process.returncode == 2
    said = daemon.log.read_text("utf-8")
    assert "Traceback" not in said
    return said.splitlines()


def test_a_second_daemon_on_the_same_state_refuses_with_a_sentence(
    daemon: DaemonProcess, make: Callable[..., DaemonProcess]
) -> None:
    (said,) = refused(make(state=daemon.state))
    assert str(daemon.state) in said
    assert said.endswith(".")
    assert daemon.client.call("status")["verdict"] in {"idle", "working"}


def test_a_second_daemon_on_the_same_socket_refuses_with_a_sentence(
    daemon: DaemonProcess, make: Callable[..., DaemonProcess]
) -> None:
    second = make()
    config = second.config.read_text("utf-8")
    second.config.write_text(config.replace(str(second.socket), str(daemon.socket)), "utf-8")
    (said,) = refused(second)
    assert said == f"An appliance daemon answers on {daemon.socket} already."
    assert daemon.answers()


def test_damaged_switches_are_refused_and_kept(make: Callable[..., DaemonProcess]) -> None:
    daemon = make()
    daemon.state.mkdir()
    switches = daemon.state / "overrides.toml"
    switches.write_text('[[override]]\nname = "pau')
    said = refused(daemon)
    assert all(str(switches) in line for line in said)
    assert "move this file away" in said[-1]
    assert switches.read_text() == '[[override]]\nname = "pau'


def test_a_wrong_configuration_is_refused_with_every_mistake(
    make: Callable[..., DaemonProcess],
) -> None:
    daemon = make(
        flow="undo_second = 0.0\nattempts = 0\n", engine='kind = "oracle"\nslots = "two"\n'
    )
    said = refused(daemon)
    for mistake in ("undo_second", "attempts", "kind", "slots"):
        assert any(mistake in line for line in said), mistake
    assert not daemon.state.exists()


def test_the_mistakes_of_every_office_are_named_at_once(
    make: Callable[..., DaemonProcess],
) -> None:
    daemon = make()
    second = add_office(daemon, "second")
    (second / "office.toml").write_text('nam = "Second"\naddresses = []\n')
    (daemon.directory / "office" / "office.toml").write_text('name = "Half\n')
    said = refused(daemon)
    assert any(str(second) in line for line in said)
    assert any(str(daemon.directory / "office") in line for line in said)


def add_office(daemon: DaemonProcess, name: str) -> Path:
    """A second mailbox with an office of its own."""
    office = daemon.directory / f"office-{name}"
    (office / "knowledge").mkdir(parents=True)
    (office / "knowledge" / "hours.md").write_text(KNOWLEDGE.replace("9:00", "10:00"))
    settings = OFFICE.format(automatic="false").replace("desk@office", f"{name}@office")
    (office / "office.toml").write_text(settings.replace("Test Office", f"Office {name}"))
    with daemon.config.open("a") as config:
        config.write(
            f'[[mailbox]]\nname = "{name}"\noffice = "{office}"\n'
            f'path = "{daemon.directory / f"mail-{name}"}"\npoll_seconds = 1.0\n'
        )
    return office


def test_two_mailboxes_are_answered_by_their_own_offices(
    make: Callable[..., DaemonProcess],
) -> None:
    daemon = make()
    add_office(daemon, "north")
    daemon.start()
    first = arrived(daemon, 1)
    daemon.mail = daemon.directory / "mail-north"
    second = arrived(daemon, 2, raw_mail(2).replace(b"desk@office", b"north@office"))
    assert [shown(daemon, job)["mailbox"] for job in (first, second)] == ["desk", "north"]
    for job in (first, second):
        daemon.client.call("mail.approve", id=job)
    daemon.until(lambda: daemon.states() == ["sent", "sent"])
    (northern,) = replies(daemon, 2)
    assert northern["From"].addresses[0].addr_spec == "north@office.example.com"
    assert text_of(northern).rstrip().endswith("Office north")
    assert replies(daemon, 1) == []
    (passage,) = shown(daemon, second)["drafts"][0]["passages"]
    assert "10:00" in passage["text"]
    page = daemon.client.call("status")
    assert [each["office"] for each in page["mailboxes"]] == ["Test Office", "Office north"]
    assert daemon.stop() == 0


def test_a_stop_takes_ten_seconds_at_most_and_gives_back_what_is_being_written(
    make: Callable[..., DaemonProcess],
) -> None:
    daemon = make(command=("-c", SLOW))
    daemon.start()
    for number in (1, 2, 3):
        daemon.deliver(f"mail{number}", raw_mail(number))
    daemon.until(lambda: len(daemon.client.call("status")["now_drafting"]) == 2)
    daemon.until(lambda: daemon.states() == ["screened"] * 3)
    begun = monotonic()
    assert daemon.stop() == 0
    assert monotonic() - begun <= STOP_SECONDS
    assert daemon.states_on_disk() == ["screened"] * 3
    assert "state=stopped" in daemon.log.read_text()
    daemon.command = ("-m", "appliance")
    daemon.start()
    daemon.until(lambda: daemon.states() == ["drafted"] * 3)
    # Being stopped was not the mails' fault: no attempt is counted for it.
    assert [job["attempts"] for job in daemon.jobs()] == [0, 0, 0]
    assert daemon.stop() == 0


def test_a_pause_now_gives_back_what_is_being_written(
    make: Callable[..., DaemonProcess],
) -> None:
    daemon = make(command=("-c", SLOW), flow="stop_seconds = 0.5\n")
    daemon.start()
    daemon.deliver("mail1", raw_mail(1))
    daemon.until(lambda: len(daemon.client.call("status")["now_drafting"]) == 1)
    daemon.client.call("pause", now=True)
    daemon.until(lambda: daemon.client.call("status")["now_drafting"] == [])
    assert daemon.states() == ["screened"]
    assert ledger(daemon, 1)[-1]["note"] == "Drafting was interrupted."
    assert daemon.stop() == 0


def test_the_service_manager_hears_of_start_and_stop(
    make: Callable[..., DaemonProcess], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = tmp_path / "notify"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(address))
        manager.settimeout(30)
        monkeypatch.setenv("NOTIFY_SOCKET", str(address))
        monkeypatch.setenv("WATCHDOG_USEC", "1000000")
        daemon = make()
        daemon.start(wait=False)
        assert manager.recv(4096).startswith(b"READY=1\n")
        # Whoever was told so may call at once.
        assert daemon.answers()
        assert manager.recv(4096) == b"WATCHDOG=1"
        assert daemon.stop() == 0
        heard = [manager.recv(4096)]
        while heard[-1] == b"WATCHDOG=1":
            heard.append(manager.recv(4096))
        assert heard[-1].startswith(b"STOPPING=1\n")


def test_without_a_model_file_the_daemon_runs_and_says_what_to_do(
    make: Callable[..., DaemonProcess],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    absent = tmp_path / "absent.gguf"
    daemon = make(engine=f'kind = "llama"\nmodel = "{absent}"\n')
    daemon.start()
    arrived(daemon, 1, state="screened")
    daemon.until(lambda: bool(daemon.client.call("status")["troubles"]))
    page = daemon.client.call("status")
    (trouble,) = page["troubles"]
    assert page["verdict"] == "trouble"
    assert trouble["part"] == "engine"
    assert str(absent) in trouble["reason"]
    assert page["engine"]["loaded"] is False
    monkeypatch.setenv("APPLIANCE_LANGUAGE", "en")
    monkeypatch.setenv("LANGUAGE", "")
    assert run(["--socket", str(daemon.socket), "status"]) == 1
    told = capsys.readouterr().out
    assert "[!] Something is wrong." in told
    assert " [X] engine: " in told
    assert daemon.states() == ["screened"]
    # A person can answer without an engine, too.
    daemon.client.call("mail.edit", id=1, text="We open at nine.")
    daemon.client.call("mail.approve", id=1)
    daemon.until(lambda: len(replies(daemon, 1)) == 1)
    assert daemon.stop() == 0


CANARY = "Zanzibarkanarienvogel"


def test_the_log_never_tells_what_is_in_a_mail(make: Callable[..., DaemonProcess]) -> None:
    daemon = make(automatic=True)
    daemon.start()
    daemon.deliver("plain", _with_canary(raw_mail(1)))
    daemon.deliver("attached", _with_attachment(_with_canary(raw_mail(2))))
    daemon.deliver("list", _with_canary(raw_mail(3, headers=f"List-Id: <{CANARY}.example>\n")))
    daemon.deliver("long", _with_canary(raw_mail(4, text=f"{CANARY} asks. " * 8000)))
    daemon.deliver(
        "large", _with_canary(raw_mail(5, text=f"{CANARY}\n" * (21 * 1024 * 1024 // 22)))
    )
    waiting = {"received", "screened", "approved", "sending"}
    daemon.until(lambda: len(daemon.jobs()) == 5 and not waiting & set(daemon.states()))
    for job in daemon.jobs():
        if job["state"] == "drafted":
            daemon.client.call("mail.edit", id=job["id"], text=f"Dear {CANARY}, we open at nine.")
            daemon.client.call("mail.approve", id=job["id"])
    daemon.until(lambda: not waiting & set(daemon.states()))
    assert daemon.stop() == 0
    assert {"sent", "skipped", "parked"} <= set(daemon.states_on_disk())
    log = daemon.log.read_text("utf-8")
    assert "state=sent" in log
    assert "state=parked" in log
    assert CANARY.lower() not in log.lower()


def test_the_log_quotes_no_error_that_quotes_a_mail(make: Callable[..., DaemonProcess]) -> None:
    daemon = make(command=("-c", FAILING), flow="retry_seconds = 0.01\nattempts = 2\n")
    daemon.start()
    daemon.deliver("plain", _with_canary(raw_mail(1)))
    daemon.until(lambda: daemon.states() == ["parked"])
    with pytest.raises(ApplianceError, match="internal error"):
        shown(daemon, 1)
    told = json.dumps(ledger(daemon, 1))
    assert "RuntimeError" in told
    assert CANARY.lower() not in told.lower()
    assert daemon.stop() == 0
    log = daemon.log.read_text("utf-8")
    assert log.count("RuntimeError") >= 3
    assert CANARY.lower() not in log.lower()


def test_a_thread_that_dies_ends_the_service_so_that_it_is_started_anew(
    make: Callable[..., DaemonProcess],
) -> None:
    daemon = make(command=("-c", DYING))
    daemon.start()
    daemon.deliver("plain", _with_canary(raw_mail(1)))
    daemon.until(daemon.ended)
    assert daemon.process is not None
    assert daemon.process.returncode == 70
    log = daemon.log.read_text("utf-8")
    assert "thread=clerk died error=RuntimeError" in log
    assert CANARY.lower() not in log.lower()
    # The mail that it died of is on disk and comes again.
    assert daemon.states_on_disk() == ["received"]
    daemon.command = ("-m", "appliance")
    daemon.start()
    daemon.until(lambda: daemon.states() == ["drafted"])
    assert daemon.stop() == 0


def _with_canary(raw: bytes) -> bytes:
    """The canary in sender, subject and text."""
    name = CANARY.encode()
    return (
        raw.replace(b"From: Customer", b"From: " + name)
        .replace(b"customer", name, 1)
        .replace(b"<customer", b"<" + name)
        .replace(b"Subject: Question", b"Subject: " + name)
        .replace(b"I am customer", b"I am " + name)
    )


def _with_attachment(raw: bytes) -> bytes:
    mail = message_from_bytes(raw, policy=policy.SMTP)
    assert isinstance(mail, EmailMessage)
    name = f"{CANARY}.pdf"
    mail.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename=name)
    return mail.as_bytes()
