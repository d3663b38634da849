"""A daemon on an account over EWS and Graph while people, servers and other daemons move things."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from email import message_from_bytes
from pathlib import Path
from typing import Any

from tests.daemon_process import DaemonProcess
from tests.integration.test_imap_daemon import GATE, altered
from tests.store_desk import StoreDesk, contact, everywhere, question, troubles
from tests.store_site import DESK, PATIENT, own_id, unspoken

UNDO = PATIENT.replace("undo_seconds = 0.0", "undo_seconds = 1.0")

SOON = """
from datetime import timedelta
from appliance.flow import intake
from appliance.mailbox import store_claim
intake._RIVAL_WAIT = timedelta(seconds=0.5)
store_claim._ASKED_SECONDS = store_claim._JITTER_SECONDS = 0.2
"""


def test_a_second_box_answers_nothing_until_the_first_has_ended(tmp_path: Path) -> None:
    everywhere(tmp_path, second_box, automatic=True)


def second_box(desk: StoreDesk) -> None:
    desk.deliver(1)
    desk.until_answered_once(1)
    second = desk.site.daemon("second", automatic=True, command=altered(SOON))
    second.start()
    refused = "Another appliance"
    second.until(lambda: refused in "\n".join(troubles(second).values()))
    desk.deliver(2)
    desk.until_answered_once(1, 2)
    assert second.jobs() == []
    # It asked again and again meanwhile, and said it once.
    assert second.log.read_text().count(refused) == 1
    assert contact(second) == "dead"
    assert desk.daemon.stop() == 0
    second.until(lambda: troubles(second) == {})
    desk.deliver(3)
    second.until(lambda: desk.answered_once(1, 2, 3))
    assert second.stop() == 0
    unspoken(second)


def test_what_people_do_in_their_mail_programs_is_noticed(tmp_path: Path) -> None:
    everywhere(tmp_path, mail_programs)


def mail_programs(desk: StoreDesk) -> None:
    desk.deliver(1, 2, 3)
    desk.until_lying("Drafts", 3)
    answered_by_a_person(desk, 1)
    sent_from_drafts(desk, 2)
    answered_elsewhere(desk, 3)
    assert desk.lying("Drafts") == desk.lying("Inbox") == []
    desk.until_calm()


def answered_by_a_person(desk: StoreDesk, number: int) -> None:
    """The job is closed as sent, and its draft withdrawn."""
    desk.people.sends(
        (
            f"From: <{DESK}>\r\nTo: <customer{number}@customers.example>\r\n"
            f"Subject: Re: Question {number}\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n"
            f"In-Reply-To: <{question(number)}>\r\n"
            "Message-ID: <by-lin@office.example.com>\r\n\r\nWe open at nine.\r\n"
        ).encode()
    )
    desk.until_state(number, "sent")
    desk.until_lying("Drafts", 2)
    desk.until_lying("Handled", 1)
    assert last_draft(desk, number)["author"] == "mail program"
    assert desk.site.posted() == {}
    assert len(desk.lying("Sent")) == 1


def sent_from_drafts(desk: StoreDesk, number: int) -> None:
    """What a person sends of ours is theirs, and leaves no second time."""
    drafts = [raw for raw in desk.lying("Drafts") if answers(raw, number)]
    assert len(drafts) == 1
    desk.people.sends_draft(own_id(drafts[0]))
    desk.until_state(number, "sent")
    desk.until_lying("Handled", 2)
    last = last_draft(desk, number)
    assert (last["author"], last["distance"]) == ("mail program", 0)
    assert desk.answered_once(number)
    assert len(desk.lying("Sent")) == 2


def answered_elsewhere(desk: StoreDesk, number: int) -> None:
    """The mark alone holds the mail, once: whoever looked may have it answered all the same."""
    answered = desk.site.posted()
    desk.people.answers_elsewhere(question(number))
    desk.until_state(number, "held")
    desk.until_lying("Held", 1)
    desk.until_lying("Drafts", 0)
    desk.daemon.client.call("mail.redo", id=desk.job(number)["id"], note="")
    desk.until_state(number, "drafted")
    desk.until_lying("Inbox", 1)
    desk.approve(number)
    desk.until_state(number, "sent")
    desk.until_lying("Handled", 3)
    assert desk.site.posted() - answered == {question(number): 1}


def last_draft(desk: StoreDesk, number: int) -> dict[str, Any]:
    shown = desk.daemon.client.call("mail.show", id=desk.job(number)["id"])
    draft = shown["drafts"][-1]
    assert isinstance(draft, dict)
    return draft


def answers(raw: bytes, number: int) -> bool:
    return question(number) in str(message_from_bytes(raw)["In-Reply-To"])


def test_mail_that_people_move_and_delete_is_answered_once(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    everywhere(tmp_path, moved_about, flow=UNDO, command=altered(GATE, gate))


def moved_about(desk: StoreDesk) -> None:
    desk.deliver(1)
    desk.until_state(1, "received")
    desk.people.moves(question(1), "Elsewhere")
    (desk.site.directory.parent / "gate").touch()
    desk.until_state(1, "drafted")
    desk.deliver(2, 3, 4)
    desk.until_lying("Drafts", 4)
    desk.people.moves(question(2), "Elsewhere")
    desk.people.deletes(question(3))
    desk.approve(1, 2, 3, 4)
    desk.people.moves(question(4), "Handled")
    desk.until_answered_once(1, 2, 3, 4)
    desk.daemon.until(lambda: desk.daemon.states() == ["sent"] * 4)
    desk.until_filed()
    assert desk.lying("Drafts") == []
    assert ids(desk, "Elsewhere") == {question(1), question(2)}
    assert ids(desk, "Handled") == {question(4)}
    moved_back(desk)
    without_handled(desk)
    desk.until_calm()


def moved_back(desk: StoreDesk) -> None:
    """Answered mail that somebody puts back into the inbox is known, and stays there."""
    desk.people.moves(question(1), "Inbox", source="Elsewhere")
    desk.people.moves(question(4), "Inbox", source="Handled")
    desk.deliver(5)
    desk.until_state(5, "drafted")
    assert len(desk.daemon.jobs()) == 5
    assert ids(desk, "Inbox") == {question(1), question(4), question(5)}


def without_handled(desk: StoreDesk) -> None:
    """A folder that somebody threw away is made anew."""
    desk.people.throws_away("Handled")
    desk.approve(5)
    desk.until_answered_once(1, 2, 3, 4, 5)
    desk.until_lying("Handled", 1)
    assert ids(desk, "Handled") == {question(5)}


def ids(desk: StoreDesk, folder: str) -> set[str]:
    return {own_id(raw) for raw in desk.lying(folder)}


def test_old_cursors_and_lost_states_answer_nothing_twice(tmp_path: Path) -> None:
    everywhere(tmp_path, set_back, automatic=True)


def set_back(desk: StoreDesk) -> None:
    desk.deliver(1, 2)
    desk.until_answered_once(1, 2)
    desk.until_lying("Handled", 2)
    with standing_still(desk.daemon) as store:
        old = store.execute("SELECT mailbox, value FROM cursor").fetchall()
        assert len(old) == 2
    desk.deliver(3)
    desk.until_answered_once(1, 2, 3)
    desk.until_filed()
    # As from a copy of the disk, but for the jobs; and mails that lie in the inbox again.
    desk.people.moves(question(2), "Inbox", source="Handled")
    with standing_still(desk.daemon) as store:
        store.executemany("UPDATE cursor SET value = ?2 WHERE mailbox = ?1", old)
        desk.deliver(4)
    desk.until_answered_once(1, 2, 3, 4)
    forgotten(desk)
    desk.deliver(5)
    desk.until_answered_once(1, 2, 3, 4, 5)
    with standing_still(desk.daemon) as store:
        forgotten(desk)
        store.execute("UPDATE cursor SET value = 'nonsense'")
        desk.deliver(6)
    desk.until_answered_once(1, 2, 3, 4, 5, 6)
    desk.daemon.until(lambda: desk.daemon.states() == ["sent"] * 6)
    desk.until_filed()
    assert len(desk.lying("Handled")) == 5
    assert ids(desk, "Inbox") == {question(2)}
    desk.until_calm()


@contextmanager
def standing_still(daemon: DaemonProcess) -> Iterator[sqlite3.Connection]:
    """Its store while it does not run; it runs again after that."""
    assert daemon.stop() == 0
    with closing(sqlite3.connect(daemon.state / "appliance.sqlite3")) as store, store:
        yield store
    daemon.start()


def forgotten(desk: StoreDesk) -> None:
    """The server forgets how far anybody had read."""
    if desk.site.graph is not None:
        desk.site.graph.forget_delta_tokens()
        return
    assert desk.site.ews is not None
    desk.site.ews.forget_sync_states()
