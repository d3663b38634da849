from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from appliance.config.settings import MailboxSettings
from appliance.domain.draft import Evidence, Reply
from appliance.domain.errors import AlreadyRunning, DiskFull, MailboxUnreachable
from appliance.domain.mail import Message, MessageId
from appliance.domain.verdict import Disposition
from appliance.mailbox.mailstore import Marks, Tag
from appliance.mailbox.places import Place
from appliance.mailbox.store_account import mailbox_over
from appliance.mailbox.store_mailbox import StoreMailbox
from tests.factories import reply as reply_to
from tests.fakes import NOON, FakeClock
from tests.memory_mailstore import MemoryStore
from tests.raw_mail import raw_mail


class Site:
    """An account in memory, a mail in its inbox, and a clock that stands still."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.clock = FakeClock()
        self.mailbox = self.open()
        self.store.deliver(raw_mail(1), received=NOON)
        (self.message,) = self.mailbox.fetch(None, 10).messages
        self.reply = reply_to(self.message)

    def open(self, box: str = "a") -> StoreMailbox:
        settings = MailboxSettings(name="north", office=Path("office"), kind="graph")
        return mailbox_over(self.store, settings, box=box, clock=self.clock)

    def break_off(self, reply: Reply | None = None) -> None:
        """A sending whose answer never came, and which the server never executed."""
        self.store.trouble = MailboxUnreachable("The line broke.")
        with pytest.raises(MailboxUnreachable):
            self.mailbox.send(reply or self.reply, lambda: None)
        self.store.trouble = None

    def later(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))


@pytest.fixture
def site() -> Site:
    return Site()


def nothing() -> None:
    """A commit that has nothing to say."""


def test_a_reply_in_sent_left_and_one_in_drafts_did_not_once_no_call_is_at_work(
    site: Site,
) -> None:
    site.break_off()
    assert site.mailbox.find_sent(site.reply) is Evidence.PENDING
    site.later(site.store.limit_seconds + 1)
    assert site.mailbox.find_sent(site.reply) is Evidence.NOT_SENT
    site.mailbox.send(site.reply, nothing)
    assert site.mailbox.find_sent(site.reply) is Evidence.SENT
    assert len(site.store.left) == 1


def test_after_a_restart_the_call_of_the_run_before_may_still_be_at_work(site: Site) -> None:
    site.break_off()
    site.later(3600)
    site.mailbox = site.open()
    assert site.mailbox.find_sent(site.reply) is Evidence.PENDING
    site.later(site.store.limit_seconds + 1)
    assert site.mailbox.find_sent(site.reply) is Evidence.NOT_SENT


def test_where_drafts_prove_nothing_only_sent_settles_it(site: Site) -> None:
    site.store.drafts_prove = False
    site.break_off()
    site.later(3600)
    assert site.mailbox.find_sent(site.reply) is Evidence.UNKNOWN


def test_a_reply_of_which_there_is_no_trace_is_doubt(site: Site) -> None:
    site.break_off()
    site.store.remove(site.store.tagged(Place.DRAFTS, Tag.REPLY, site.reply.id))
    site.later(3600)
    assert site.mailbox.find_sent(site.reply) is Evidence.UNKNOWN


def test_a_second_try_sends_the_draft_of_the_first(site: Site) -> None:
    site.break_off()
    before = site.store.tagged(Place.DRAFTS, Tag.REPLY, site.reply.id)
    site.break_off()
    assert site.store.tagged(Place.DRAFTS, Tag.REPLY, site.reply.id) == before
    site.mailbox.send(site.reply, nothing)
    assert site.store.lying(Place.DRAFTS) == []
    assert len(site.store.left) == 1


def test_the_copy_that_waits_for_a_person_is_never_what_is_sent(site: Site) -> None:
    site.mailbox.save_draft(site.reply)
    (copy,) = site.store.tagged(Place.DRAFTS, Tag.COPY, site.reply.id)
    site.store.items[copy].raw = b"Subject: edited by somebody\r\n\r\nSomething else.\r\n"
    site.mailbox.send(site.reply, nothing)
    (left,) = site.store.left
    assert b"Something else" not in left
    assert site.store.tagged(Place.DRAFTS, Tag.COPY, site.reply.id) == [copy]
    assert site.mailbox.find_sent(site.reply) is Evidence.SENT


def test_withdrawing_takes_both_kinds_of_drafts_and_nobody_elses(site: Site) -> None:
    site.mailbox.save_draft(site.reply)
    site.break_off()
    site.store.deliver(raw_mail(7), Place.DRAFTS)
    other = replace(site.message, uid="other", id=MessageId("other@customers.example"))
    site.mailbox.save_draft(reply_to(other))
    site.mailbox.withdraw_drafts(site.message)
    assert len(site.store.lying(Place.DRAFTS)) == 2


def test_a_refused_commit_sends_nothing_and_starts_no_waiting(site: Site) -> None:
    def refuse() -> None:
        raise DiskFull("No room.")

    site.later(site.store.limit_seconds + 1)
    with pytest.raises(DiskFull):
        site.mailbox.send(site.reply, refuse)
    assert site.store.left == []
    assert site.mailbox.find_sent(site.reply) is Evidence.NOT_SENT


@pytest.mark.parametrize(
    ("disposition", "answered", "marks"),
    [
        (Disposition.PASS, "by a person", Marks(seen=True, answered=True)),
        (Disposition.PASS, "automatically", Marks(seen=True, answered=True, automatic=True)),
        (Disposition.PASS, "", Marks(seen=True)),
        (Disposition.STOP, "", Marks(seen=True)),
        (Disposition.HOLD, "", Marks()),
        (Disposition.REVIEW, "", Marks()),
    ],
)
def test_a_filed_mail_shows_what_became_of_it(
    site: Site, disposition: Disposition, answered: str, marks: Marks
) -> None:
    reply = replace(site.reply, automatic=answered == "automatically") if answered else None
    site.mailbox.file(site.message, disposition, reply)
    (item,) = [one for one in site.store.items.values() if one.key == site.message.uid]
    assert item.marks == marks


def test_our_own_reply_is_known_whatever_the_server_made_of_its_id(site: Site) -> None:
    site.mailbox.send(site.reply, nothing)
    (ref,) = site.store.tagged(Place.SENT, Tag.REPLY, site.reply.id)
    site.store.items[ref].received = NOON
    site.store.items[ref].raw = site.store.items[ref].raw.replace(
        site.reply.id.encode(), b"made-by-the-server@office.example.com"
    )
    (sent,) = site.mailbox.fetch_sent(None, 10).messages
    assert sent.id == site.reply.id


def every_call(mailbox: StoreMailbox, message: Message, reply: Reply) -> list[object]:
    return [
        lambda: mailbox.fetch(None, 10),
        lambda: mailbox.fetch_sent(None, 10),
        lambda: mailbox.thread(replace(message, in_reply_to=MessageId("x@y.example"))),
        lambda: mailbox.save_draft(reply),
        lambda: mailbox.withdraw_drafts(message),
        lambda: mailbox.send(reply, nothing),
        lambda: mailbox.find_sent(reply),
        lambda: mailbox.file(message, Disposition.PASS),
    ]


@pytest.mark.parametrize("number", range(8))
def test_an_account_that_another_box_answers_is_left_alone(site: Site, number: int) -> None:
    call = every_call(site.open("b"), site.message, site.reply)[number]
    before = dict(site.store.items)
    assert callable(call)
    with pytest.raises(AlreadyRunning):
        call()
    assert site.store.items == before
    assert site.store.left == []


def test_closing_never_fails_because_of_a_server_that_is_down(site: Site) -> None:
    site.store.trouble = MailboxUnreachable("No answer.")
    site.mailbox.close()


def test_a_call_that_the_server_carried_out_after_all_is_not_made_again(site: Site) -> None:
    site.break_off()
    site.later(site.store.limit_seconds + 1)
    assert site.mailbox.find_sent(site.reply) is Evidence.NOT_SENT
    (ref,) = site.store.tagged(Place.DRAFTS, Tag.REPLY, site.reply.id)
    site.store.send(ref, nothing)
    committed: list[bool] = []
    site.mailbox.send(site.reply, lambda: committed.append(True))
    assert committed == [True]
    assert len(site.store.left) == 1


def test_a_reply_that_waits_in_outbox_is_not_written_a_second_time(site: Site) -> None:
    site.break_off()
    (ref,) = site.store.tagged(Place.DRAFTS, Tag.REPLY, site.reply.id)
    site.store.items[ref].place = Place.OUTBOX
    committed: list[bool] = []
    with pytest.raises(MailboxUnreachable):
        site.mailbox.send(site.reply, lambda: committed.append(True))
    assert committed == [True]
    assert site.store.left == []
    assert site.mailbox.find_sent(site.reply) is Evidence.PENDING


def test_no_call_is_remembered_once_it_is_over(site: Site) -> None:
    for number in range(3):
        site.break_off(replace(site.reply, id=MessageId(f"reply-{number}@office.example.com")))
    site.later(site.store.limit_seconds + 1)
    for number in range(3):
        one = replace(site.reply, id=MessageId(f"reply-{number}@office.example.com"))
        assert site.mailbox.find_sent(one) is Evidence.NOT_SENT
    assert site.mailbox.calls == {}
