"""What servers and other mail programs do to an IMAP mailbox, against a real Dovecot."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event
from time import monotonic

import pytest

from appliance.domain.draft import Reply
from appliance.domain.errors import AlreadyRunning, CredentialsRefused, MailboxUnreachable
from appliance.domain.mail import Cursor, Message
from appliance.domain.verdict import Disposition
from appliance.mailbox.imap import ImapMailbox
from tests.factories import message as known_message
from tests.factories import reply as answer
from tests.imap_account import PASSWORD, USER, ImapAccount
from tests.raw_mail import raw_mail
from tests.servers.dovecot import Dovecot
from tests.servers.dovecot_config import Setup
from tests.servers.relay import Relay

Open = Callable[..., AbstractContextManager[ImapAccount]]


@pytest.fixture
def relay() -> Iterator[Relay]:
    with Relay() as relay:
        yield relay


@pytest.fixture
def opened(tmp_path: Path, relay: Relay) -> Open:
    @contextmanager
    def make(setup: Setup | None = None) -> Iterator[ImapAccount]:
        with Dovecot({USER: PASSWORD}, setup) as server:
            account = ImapAccount(server, relay, tmp_path)
            try:
                yield account
            finally:
                account.mailbox.close()

    return make


def one_mail(account: ImapAccount, number: int = 1, **raw: str) -> Message:
    account.deliver(raw_mail(number, **raw))
    (message,) = account.mailbox.fetch(None, 10).messages
    return message


@pytest.mark.parametrize(
    "hidden", [("MOVE",), ("MOVE", "UIDPLUS"), ("MOVE", "UIDPLUS", "SPECIAL-USE", "LITERAL+")]
)
def test_filing_works_with_what_an_old_server_offers(opened: Open, hidden: tuple[str, ...]) -> None:
    with opened(Setup(hidden=hidden)) as account:
        message = one_mail(account)
        for _ in range(2):
            account.mailbox.file(message, Disposition.HOLD)
            assert account.lying("Held") == [raw_mail(1)]
            assert account.lying("Inbox") == []


def test_without_uidplus_nobody_elses_deleted_mail_is_removed(opened: Open) -> None:
    with opened(Setup(hidden=("MOVE", "UIDPLUS"))) as account:
        message = one_mail(account)
        account.deliver(raw_mail(2))
        with account.server.session(USER, "INBOX") as other:
            other.add_flags([max(other.search("ALL"))], [b"\\Deleted"])
        account.mailbox.file(message, Disposition.HOLD)
        assert raw_mail(2) in account.lying("Inbox")
        assert account.lying("Held") == [raw_mail(1)]
        assert account.mailbox.fetch(None, 10).messages == ()


def test_a_copy_left_by_a_crash_between_copy_and_delete_is_not_copied_again(opened: Open) -> None:
    with opened(Setup(hidden=("MOVE",))) as account:
        message = one_mail(account)
        account.mailbox.file(message, Disposition.HOLD)
        account.mailbox.file(message, Disposition.REVIEW)
        with account.server.session(USER, "INBOX") as other:
            other.copy(other.search("ALL"), "Held")
        account.restart()
        account.mailbox.file(message, Disposition.HOLD)
        assert len(account.lying("Held")) == 1
        assert account.lying("Inbox") == []


@pytest.mark.parametrize(
    ("setup", "sent", "drafts"),
    [
        (Setup(sent="已发送", drafts="草稿箱"), "已发送", "草稿箱"),
        (Setup(sent="已发送", drafts="草稿箱", special_use=False), "已发送", "草稿箱"),
        (Setup(sent="Sent Messages", special_use=False), "Sent Messages", "Drafts"),
        (Setup(prefix="INBOX.", separator="."), "INBOX.Sent", "INBOX.Drafts"),
        (Setup(make_folders=False, special_use=False), "Sent", "Drafts"),
    ],
)
def test_the_folders_of_the_account_are_found_or_made(
    opened: Open, setup: Setup, sent: str, drafts: str
) -> None:
    with opened(setup) as account:
        message = one_mail(account)
        reply = answer(message)
        account.mailbox.save_draft(reply)
        assert len(account.lying(drafts)) == 1
        account.mailbox.send(reply, lambda: None)
        account.mailbox.file(message, Disposition.PASS, reply)
        account.mailbox.withdraw_drafts(message)
        assert len(account.lying(sent)) == 1
        assert account.lying(drafts) == []
        assert account.lying(f"{setup.prefix}Handled") == [raw_mail(1)]


def test_an_answered_mail_is_marked_as_read_answered_and_automatic(opened: Open) -> None:
    with opened() as account:
        message = one_mail(account)
        account.mailbox.file(message, Disposition.PASS, answer(message, automatic=True))
        (flags,) = account.server.flags(USER, "Handled")
        assert {b"\\Seen", b"\\Answered", b"$AutoReplied"} <= flags


def test_a_missing_copy_among_the_sent_mail_is_made_once(opened: Open) -> None:
    with opened() as account:
        message = one_mail(account)
        reply = answer(message)
        for _ in range(2):
            account.mailbox.file(message, Disposition.PASS, reply)
            assert len(account.lying("Sent")) == 1


def test_mail_keeps_its_key_when_uidvalidity_changes(opened: Open) -> None:
    with opened() as account:
        for number in range(4):
            account.deliver(raw_mail(number))
        before = account.mailbox.fetch(None, 10)
        account.server.reset_uidvalidity(USER)
        account.deliver(raw_mail(9))
        after = account.mailbox.fetch(before.cursor, 10)
        keys = [message.uid for message in after.messages]
        assert keys[:4] == [message.uid for message in before.messages]
        assert len(keys) == 5
        assert account.mailbox.fetch(after.cursor, 10).messages == ()
        account.mailbox.file(before.messages[0], Disposition.HOLD)
        assert account.lying("Held") == [raw_mail(0)]


def test_a_folder_that_was_deleted_is_made_again(opened: Open) -> None:
    with opened() as account:
        first = one_mail(account)
        account.mailbox.file(first, Disposition.HOLD)
        account.server.delete_folder(USER, "Held")
        account.deliver(raw_mail(2))
        (second,) = account.mailbox.fetch(None, 10).messages
        account.mailbox.file(second, Disposition.HOLD)
        account.mailbox.file(first, Disposition.PASS)
        assert account.lying("Held") == [raw_mail(2)]


def test_a_mail_that_another_program_moved_away_is_found_where_it_is_or_left_alone(
    opened: Open,
) -> None:
    with opened() as account:
        message = one_mail(account)
        account.mailbox.file(message, Disposition.HOLD)
        with account.server.session(USER, "Held") as other:
            other.move(other.search("ALL"), "INBOX")
        account.mailbox.file(message, Disposition.PASS)
        assert account.lying("Handled") == [raw_mail(1)]
        with account.server.session(USER, "Handled") as other:
            other.create_folder("Elsewhere")
            other.move(other.search("ALL"), "Elsewhere")
        account.mailbox.file(message, Disposition.HOLD)
        assert account.lying("Elsewhere") == [raw_mail(1)]


def test_old_and_answered_mail_of_the_first_look_is_left_alone(opened: Open) -> None:
    with opened() as account:
        old = datetime.now(UTC) - timedelta(days=40)
        account.server.append(USER, "INBOX", raw_mail(1), old)
        account.deliver(raw_mail(2))
        account.deliver(raw_mail(3))
        with account.server.session(USER, "INBOX") as other:
            other.add_flags([2], [b"\\Answered"])
        batch = account.mailbox.fetch(None, 10)
        assert [message.id for message in batch.messages] == ["question-3@customers.example"]
        # Who moves an old mail into the inbox later wants it answered.
        account.server.append(USER, "INBOX", raw_mail(4), old)
        later = account.mailbox.fetch(batch.cursor, 10)
        assert [message.id for message in later.messages] == ["question-4@customers.example"]


def test_a_mail_beyond_the_limit_is_named_and_not_read(opened: Open) -> None:
    with opened() as account:
        account.deliver(raw_mail(1, text="x" * 70 + "\n") + b"y" * 1_000 * 70)
        account.deliver(raw_mail(2, text=("z" * 70 + "\n") * 320_000))
        batch = account.mailbox.fetch(None, 10)
        assert [message.id for message in batch.messages] == ["question-1@customers.example"]
        ((key, why),) = batch.unreadable
        assert len(key) == 40
        assert "20 MB" in why


def test_a_second_appliance_on_the_account_refuses_until_the_first_ends(opened: Open) -> None:
    with opened() as account:
        account.deliver(raw_mail(1))
        assert len(account.mailbox.fetch(None, 10).messages) == 1
        second = account.open("other-state")
        with pytest.raises(AlreadyRunning, match="Another appliance"):
            second.fetch(None, 10)
        with pytest.raises(AlreadyRunning):
            second.send(answer(one_mail_of(account)), lambda: None)
        second.close()
        account.mailbox.close()
        third = account.open("third-state")
        assert len(third.fetch(None, 10).messages) == 1
        third.close()


def one_mail_of(account: ImapAccount) -> Message:
    return account.mailbox.fetch(None, 1).messages[0]


def test_the_same_box_goes_on_at_once_after_a_crash(opened: Open) -> None:
    with opened() as account:
        account.deliver(raw_mail(1))
        account.mailbox.fetch(None, 10)
        # Not closed: the process was killed.
        again = account.open()
        assert len(again.fetch(None, 10).messages) == 1
        again.close()


def test_a_wrong_password_is_said_once_and_not_tried_again_at_once(opened: Open) -> None:
    with opened() as account:
        account.server.set_password(USER, "another")
        with pytest.raises(CredentialsRefused) as first:
            account.mailbox.fetch(None, 10)
        assert PASSWORD not in str(first.value)
        log = connections(account)
        for _ in range(20):
            with pytest.raises(CredentialsRefused):
                account.mailbox.fetch(None, 10)
            with pytest.raises(CredentialsRefused):
                account.mailbox.find_sent(answer_to_nobody())
        assert connections(account) == log


def connections(account: ImapAccount) -> int:
    """How often anybody was at the server's door; it writes that down a little later."""
    never = Event()
    count, before = 0, -1
    while count != before:
        never.wait(0.5)
        before, count = count, account.server.log.read_text().count("rip=127.0.0.1")
    return count


def answer_to_nobody() -> Reply:
    return answer(known_message("nobody"))


def test_a_server_that_comes_back_is_used_again(opened: Open) -> None:
    with opened() as account:
        account.deliver(raw_mail(1))
        cursor = account.mailbox.fetch(None, 10).cursor
        account.server.kill()
        with pytest.raises(MailboxUnreachable):
            account.mailbox.fetch(cursor, 10)
        account.server.start()
        account.deliver(raw_mail(2))
        deadline = monotonic() + 5
        messages: tuple[Message, ...] = ()
        while not messages:
            assert monotonic() < deadline
            with suppress(MailboxUnreachable):
                messages = account.mailbox.fetch(cursor, 10).messages
        assert [message.id for message in messages] == ["question-2@customers.example"]


def test_without_idle_a_wait_sleeps_and_can_be_woken(opened: Open) -> None:
    with opened(Setup(hidden=("IDLE",))) as account:
        cursor = account.mailbox.fetch(None, 10).cursor
        assert cursor is None
        assert not account.mailbox.wait(timedelta(seconds=0.1))
        with ThreadPoolExecutor(1) as pool:
            asleep = pool.submit(account.mailbox.wait, timedelta(minutes=5))
            account.mailbox.wake()
            assert asleep.result(20)


def test_mail_that_came_between_fetch_and_wait_is_not_slept_over(opened: Open) -> None:
    with opened() as account:
        account.mailbox.fetch(None, 10)
        account.deliver(raw_mail(1))
        assert account.mailbox.wait(timedelta(minutes=5))


def test_a_cursor_of_an_earlier_version_is_no_obstacle(opened: Open) -> None:
    with opened() as account:
        account.deliver(raw_mail(1))
        for odd in ("", "1", "1.2", "x.y.z.w", "1.2.2026-99-99.4", "…"):
            assert len(account.mailbox.fetch(Cursor(odd), 10).messages) == 1


@pytest.mark.parametrize("hidden", [(), ("CONDSTORE", "QRESYNC")])
def test_a_mail_that_somebody_answered_elsewhere_is_told_once(
    opened: Open, hidden: tuple[str, ...]
) -> None:
    with opened(Setup(hidden=hidden)) as account:
        for number in (1, 2):
            account.deliver(raw_mail(number))
        batch = account.mailbox.fetch(None, 10)
        assert batch.answered == ()
        with account.server.session(USER, "INBOX") as other:
            other.add_flags([min(other.search("ALL"))], [b"\\Answered"])
        assert account.mailbox.fetch(batch.cursor, 10).answered == (batch.messages[0].uid,)
        assert account.mailbox.fetch(batch.cursor, 10).answered == ()


def test_of_many_appliances_that_begin_at_once_one_answers(opened: Open) -> None:
    with opened() as account:
        account.deliver(raw_mail(1))
        boxes = [account.mailbox, *(account.open(f"state-{number}") for number in range(5))]

        def holds(box: ImapMailbox) -> bool:
            try:
                return len(box.fetch(None, 10).messages) == 1
            except AlreadyRunning:
                return False

        with ThreadPoolExecutor(len(boxes)) as pool:
            assert sum(pool.map(holds, boxes)) == 1
        for box in boxes[1:]:
            box.close()


def test_a_claim_that_ran_out_is_taken_over_and_its_box_steps_back(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened() as account:
        account.deliver(raw_mail(1))
        account.mailbox.fetch(None, 10)
        with account.server.session(USER, "Appliance") as other:
            (uid,) = other.search("ALL")
            raw = other.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]
            other.append("Appliance", raw, msg_time=datetime.now(UTC) - timedelta(minutes=11))
            other.delete_messages([uid])
            other.expunge()
        second = account.open("other-state")
        assert len(second.fetch(None, 10).messages) == 1
        monkeypatch.setattr("appliance.mailbox.claim.BEAT_SECONDS", 0.0)
        with pytest.raises(AlreadyRunning):
            account.mailbox.fetch(None, 10)
        assert len(second.fetch(None, 10).messages) == 1
        second.close()
