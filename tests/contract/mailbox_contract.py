"""What every mailbox must do; each form of it inherits these tests and brings an account."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Protocol

import pytest

from appliance.domain.draft import Evidence, Reply
from appliance.domain.errors import DiskFull
from appliance.domain.mail import Batch, Cursor, Message, MessageId
from appliance.domain.ports import Mailbox
from appliance.domain.verdict import Disposition
from tests.factories import message as known_message
from tests.factories import reply as reply_to
from tests.raw_mail import raw_mail

INBOX = "Inbox"
FOLDERS = (INBOX, "Sent", "Drafts", "Handled", "Held", "Skipped")
PLACES = {
    Disposition.PASS: "Handled",
    Disposition.REVIEW: INBOX,
    Disposition.HOLD: "Held",
    Disposition.STOP: "Skipped",
}


class Account(Protocol):
    """A real account, looked at from outside the mailbox."""

    mailbox: Mailbox

    def deliver(self, raw: bytes) -> None:
        """A mail comes in; later calls are later mails."""
        ...

    def person_sends(self, raw: bytes) -> None:
        """Somebody's mail program files what it sent among the sent mail."""
        ...

    def lying(self, folder: str) -> list[bytes]:
        """The raw mails of one of ``FOLDERS``."""
        ...

    def restart(self) -> None:
        """The daemon ended and began anew."""
        ...


def ids(batch: Batch) -> list[str]:
    return [message.id for message in batch.messages]


def question(number: int) -> str:
    return f"question-{number}@customers.example"


def answer(message: Message, **changes: object) -> Reply:
    return reply_to(message, **changes)


def nothing() -> None:
    """A commit that has nothing to say."""


def by_a_person(message: Message, number: int) -> bytes:
    """An answer to ``message`` as a mail program writes it."""
    return (
        "From: Desk <desk@office.example.com>\r\n"
        f"To: {message.sender.address}\r\n"
        f"Subject: Re: {message.subject}\r\n"
        f"Message-ID: <by-hand-{number}@office.example.com>\r\n"
        f"In-Reply-To: <{message.id}>\r\n"
        f"References: <{message.id}>\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "\r\n"
        "We open at nine.\r\n"
    ).encode()


def sent_ids(account: Account, folder: str = "Sent") -> list[str]:
    return [
        str(message_from_bytes(raw, policy=policy.default)["Message-ID"]).strip("<> \r\n")
        for raw in account.lying(folder)
    ]


class MailboxContract:
    """``account`` is a fixture of the form under test."""

    def fetch_one(self, account: Account, number: int = 1, **raw: str) -> Message:
        account.deliver(raw_mail(number, **raw))
        (message,) = account.mailbox.fetch(None, 10).messages
        return message

    def test_an_empty_mailbox_gives_nothing(self, account: Account) -> None:
        batch = account.mailbox.fetch(None, 10)
        assert (batch.messages, batch.unreadable, batch.answered) == ((), (), ())

    def test_mails_come_oldest_first_and_in_batches_until_none_is_left(
        self, account: Account
    ) -> None:
        for number in range(5):
            account.deliver(raw_mail(number))
        cursor: Cursor | None = None
        seen = []
        sizes = []
        while True:
            batch = account.mailbox.fetch(cursor, 2)
            if not batch.messages:
                break
            sizes.append(len(batch.messages))
            seen += ids(batch)
            cursor = batch.cursor
        assert seen == [question(number) for number in range(5)]
        assert max(sizes) <= 2

    def test_a_batch_that_was_not_stored_comes_again(self, account: Account) -> None:
        for number in range(4):
            account.deliver(raw_mail(number))
        first = account.mailbox.fetch(None, 2)
        second = account.mailbox.fetch(first.cursor, 2)
        assert ids(account.mailbox.fetch(first.cursor, 2)) == ids(second)
        assert ids(account.mailbox.fetch(None, 2)) == ids(first)

    def test_mail_that_comes_later_is_found_with_the_old_cursor(self, account: Account) -> None:
        account.deliver(raw_mail(1))
        cursor = account.mailbox.fetch(None, 10).cursor
        assert account.mailbox.fetch(cursor, 10).messages == ()
        account.deliver(raw_mail(2))
        assert ids(account.mailbox.fetch(cursor, 10)) == [question(2)]

    def test_after_a_restart_nothing_is_lost_and_new_mail_is_not_kept_waiting(
        self, account: Account
    ) -> None:
        for number in range(6):
            account.deliver(raw_mail(number))
        cursor = account.mailbox.fetch(None, 10).cursor
        account.restart()
        account.deliver(raw_mail(6))
        assert question(6) in ids(account.mailbox.fetch(cursor, 2))

    def test_a_cursor_nobody_understands_hides_no_mail(self, account: Account) -> None:
        for number in range(5):
            account.deliver(raw_mail(number))
        seen = set()
        for _ in range(3):
            seen |= set(ids(account.mailbox.fetch(Cursor("of another mailbox"), 2)))
        assert seen == {question(number) for number in range(5)}

    def test_a_message_names_its_mailbox_and_a_key_of_its_own(self, account: Account) -> None:
        account.deliver(raw_mail(1))
        account.deliver(raw_mail(1))
        messages = account.mailbox.fetch(None, 10).messages
        assert {message.mailbox for message in messages} == {account.mailbox.name}
        assert len({message.uid for message in messages}) == 2

    @pytest.mark.parametrize("disposition", list(Disposition))
    def test_a_mail_is_filed_where_its_disposition_says_and_twice_is_once(
        self, account: Account, disposition: Disposition
    ) -> None:
        message = self.fetch_one(account)
        for _ in range(2):
            account.mailbox.file(message, disposition)
            assert {folder: len(account.lying(folder)) for folder in FOLDERS} == {
                folder: int(folder == PLACES[disposition]) for folder in FOLDERS
            }

    def test_a_mail_moves_from_anywhere_to_anywhere_and_keeps_its_bytes(
        self, account: Account
    ) -> None:
        message = self.fetch_one(account)
        for disposition in (*Disposition, *reversed(Disposition)):
            account.mailbox.file(message, disposition)
            assert account.lying(PLACES[disposition]) == [raw_mail(1)]

    def test_a_mail_brought_back_to_the_inbox_keeps_its_key(self, account: Account) -> None:
        message = self.fetch_one(account)
        account.mailbox.file(message, Disposition.HOLD)
        account.mailbox.file(message, Disposition.REVIEW)
        assert [one.uid for one in account.mailbox.fetch(None, 10).messages] == [message.uid]

    def test_filing_a_mail_that_is_gone_is_no_error(self, account: Account) -> None:
        account.mailbox.file(known_message("never-here"), Disposition.PASS)
        assert [folder for folder in FOLDERS if account.lying(folder)] == []

    def test_a_reply_is_not_there_before_and_there_after_it_was_sent(
        self, account: Account
    ) -> None:
        reply = answer(self.fetch_one(account))
        assert account.mailbox.find_sent(reply) is not Evidence.SENT
        committed: list[list[str]] = []
        account.mailbox.send(reply, lambda: committed.append(sent_ids(account)))
        assert committed == [[]]
        assert sent_ids(account) == [reply.id]
        assert account.mailbox.find_sent(reply) is Evidence.SENT

    def test_the_evidence_outlives_a_restart(self, account: Account) -> None:
        reply = answer(self.fetch_one(account))
        account.mailbox.send(reply, nothing)
        account.restart()
        assert account.mailbox.find_sent(reply) is Evidence.SENT

    def test_a_refused_commit_means_nothing_left(self, account: Account) -> None:
        reply = answer(self.fetch_one(account))

        def refuse() -> None:
            raise DiskFull("There is no room for the ledger.")

        with pytest.raises(DiskFull, match="ledger"):
            account.mailbox.send(reply, refuse)
        assert account.lying("Sent") == []
        assert account.mailbox.find_sent(reply) is not Evidence.SENT

    def test_another_reply_is_no_evidence(self, account: Account) -> None:
        message = self.fetch_one(account)
        account.mailbox.send(answer(message, id=MessageId("one@office.example.com")), nothing)
        other = answer(message, id=MessageId("two@office.example.com"))
        assert account.mailbox.find_sent(other) is not Evidence.SENT

    def test_a_draft_is_saved_once_and_is_not_sent(self, account: Account) -> None:
        reply = answer(self.fetch_one(account))
        account.mailbox.save_draft(reply)
        account.mailbox.save_draft(reply)
        assert sent_ids(account, "Drafts") == [reply.id]
        assert account.lying("Sent") == []
        assert account.mailbox.find_sent(reply) is not Evidence.SENT

    def test_a_newer_draft_takes_the_place_of_the_older_and_both_can_be_withdrawn(
        self, account: Account
    ) -> None:
        message = self.fetch_one(account)
        first = answer(message)
        second = replace(first, id=MessageId(f"second-{first.id}"))
        account.mailbox.save_draft(first)
        account.mailbox.save_draft(second)
        assert sent_ids(account, "Drafts") == [second.id]
        account.mailbox.withdraw_drafts(message)
        account.mailbox.withdraw_drafts(message)
        assert sent_ids(account, "Drafts") == []

    def test_what_a_person_sent_is_seen_once_and_can_be_read(self, account: Account) -> None:
        message = self.fetch_one(account)
        account.person_sends(by_a_person(message, 1))
        batch = account.mailbox.fetch_sent(None, 10)
        (sent,) = batch.messages
        assert sent.in_reply_to == message.id
        assert sent.question == "We open at nine."
        assert account.mailbox.fetch_sent(batch.cursor, 10).messages == ()
        account.restart()
        assert account.mailbox.fetch_sent(batch.cursor, 10).messages == ()
        account.person_sends(by_a_person(message, 2))
        again = account.mailbox.fetch_sent(batch.cursor, 10)
        assert ids(again) == ["by-hand-2@office.example.com"]

    def test_our_own_replies_are_known_by_their_id_among_what_was_sent(
        self, account: Account
    ) -> None:
        reply = answer(self.fetch_one(account))
        account.mailbox.send(reply, nothing)
        assert set(ids(account.mailbox.fetch_sent(None, 10))) <= {reply.id}

    def test_filing_what_was_answered_keeps_one_copy_of_the_answer(self, account: Account) -> None:
        message = self.fetch_one(account)
        reply = answer(message)
        account.mailbox.send(reply, nothing)
        for _ in range(2):
            account.mailbox.file(message, Disposition.PASS, reply)
            assert sent_ids(account) == [reply.id]
            assert account.lying("Handled") == [raw_mail(1)]

    def test_an_account_that_was_given_up_can_be_used_again_by_another(
        self, account: Account
    ) -> None:
        message = self.fetch_one(account)
        account.restart()
        assert [one.uid for one in account.mailbox.fetch(None, 10).messages] == [message.uid]

    def test_a_mail_that_answers_nothing_is_a_thread_of_its_own(self, account: Account) -> None:
        message = self.fetch_one(account)
        thread = account.mailbox.thread(message)
        assert thread.messages == (message,)
        assert thread.ours == frozenset()

    @pytest.mark.parametrize("disposition", list(Disposition))
    def test_a_thread_holds_what_came_before_wherever_it_lies(
        self, account: Account, disposition: Disposition
    ) -> None:
        first = self.fetch_one(account)
        reply = answer(first, date=first.date)
        account.mailbox.send(reply, nothing)
        account.mailbox.file(first, disposition)
        account.deliver(
            raw_mail(
                2,
                headers=f"In-Reply-To: <{reply.id}>\nReferences: <{first.id}>\n <{reply.id}>\n",
            )
        )
        account.deliver(raw_mail(3))
        batch = account.mailbox.fetch(None, 10)
        (second,) = [one for one in batch.messages if one.id == question(2)]
        thread = account.mailbox.thread(second)
        assert [one.id for one in thread.messages] == [first.id, reply.id, second.id]
        assert thread.newest == second
        assert thread.ours == {reply.id}

    def test_a_thread_ends_with_the_message_it_was_asked_for(self, account: Account) -> None:
        account.deliver(raw_mail(1))
        for number in (2, 3, 4):
            account.deliver(raw_mail(number, headers=f"References: <{question(1)}>\n"))
        messages = {one.id: one for one in account.mailbox.fetch(None, 10).messages}
        thread = account.mailbox.thread(messages[MessageId(question(3))])
        assert [one.id for one in thread.messages] == [question(1), question(2), question(3)]

    def test_waking_ends_a_wait_at_once(self, account: Account) -> None:
        with ThreadPoolExecutor(1) as pool:
            asleep = pool.submit(account.mailbox.wait, timedelta(minutes=5))
            account.mailbox.wake()
            assert asleep.result(20)

    def test_a_wait_without_news_ends_in_time(self, account: Account) -> None:
        # A new connection may say once that there is something to look at.
        waits = (account.mailbox.wait(timedelta(seconds=0.05)) for _ in range(20))
        assert not all(waits)

    def test_new_mail_ends_a_wait(self, account: Account) -> None:
        with ThreadPoolExecutor(1) as pool:
            asleep = pool.submit(account.mailbox.wait, timedelta(minutes=5))
            account.deliver(raw_mail(1))
            assert asleep.result(20)
