"""The draft in the account's own Drafts folder, and people who finish it in their mail programs."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from tests.imap_account import USER
from tests.imap_daemon import PATIENT
from tests.imap_site import Site, imap_site
from tests.raw_mail import raw_mail

UNDO = PATIENT.replace("undo_seconds = 0.0", "undo_seconds = 2.0")
NEVER = PATIENT.replace("undo_seconds = 0.0", "undo_seconds = 600.0")
EARLIER = "In-Reply-To: <earlier@customers.example>\nReferences: <first@x.example> <earlier@customers.example>\n"


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=policy.default)


def draft(site: Site) -> EmailMessage:
    """The only draft in Drafts."""
    site.daemon.until(lambda: len(site.lying("Drafts")) == 1)
    return parsed(site.lying("Drafts")[0])


def text_of(mail: EmailMessage) -> str:
    return str(mail.get_content()).replace("\r\n", "\n")


def person_sends(site: Site, mail: EmailMessage, text: str, *, id: str = "sent-by-lin") -> None:  # noqa: A002
    """As mail programs do: a new Message-ID, their own fields only, and the draft is removed."""
    sent = EmailMessage(policy=policy.SMTP)
    for name in ("From", "To", "Subject", "In-Reply-To", "References"):
        if mail[name]:
            sent[name] = str(mail[name])
    sent["Date"] = "Mon, 02 Nov 2026 10:00:00 +0000"
    sent["Message-ID"] = f"<{id}@office.example.com>"
    sent.set_content(text)
    with site.server.session(USER, "Drafts") as client:
        client.append("Sent", sent.as_bytes(), flags=(b"\\Seen",))
        client.delete_messages(client.search("ALL"))
        client.expunge()


def shown(site: Site, number: int = 1) -> dict[str, Any]:
    shown = site.daemon.client.call("mail.show", id=site.job(number)["id"])
    assert isinstance(shown, dict)
    return shown


def test_a_draft_lies_in_the_accounts_own_folder_and_belongs_to_the_thread(tmp_path: Path) -> None:
    with imap_site(tmp_path) as site:
        site.deliver(1, headers=EARLIER)
        mail = draft(site)
        assert mail["In-Reply-To"] == "<question-1@customers.example>"
        assert str(mail["References"]).split() == [
            "<first@x.example>",
            "<earlier@customers.example>",
            "<question-1@customers.example>",
        ]
        assert mail["To"].addresses[0].addr_spec == "customer1@customers.example"
        assert mail["Subject"] == "Re: Question 1"
        assert "Auto-Submitted" not in mail
        assert {b"\\Draft", b"\\Seen"} <= site.server.flags(USER, "Drafts")[0]
        assert text_of(mail).startswith(shown(site)["drafts"][-1]["text"])


@pytest.mark.parametrize("changed", [False, True], ids=["unchanged", "changed"])
@pytest.mark.parametrize("approved", [False, True], ids=["drafted", "approved"])
def test_what_a_person_sends_from_a_mail_program_closes_the_mail(
    tmp_path: Path, changed: bool, approved: bool
) -> None:
    with imap_site(tmp_path, flow=UNDO) as site:
        site.deliver(1)
        mail = draft(site)
        if approved:
            site.approve(1)
            site.until_states("approved")
        text = text_of(mail)
        person_sends(site, mail, "We open at nine on Saturday.\n" if changed else text)
        site.until_states("sent")
        site.daemon.until(lambda: len(site.lying("Handled")) == 1)
        site.daemon.until(lambda: b"\\Answered" in site.server.flags(USER, "Handled")[0])
        assert site.lying("INBOX") == site.lying("Drafts") == []
        # Nothing may leave after the undo delay either: a later mail would be behind it.
        site.deliver(2)
        site.daemon.until(lambda: site.state(2) == "drafted")
        site.approve(2)
        site.daemon.until(lambda: site.state(2) == "sent")
        assert site.answered_once(2)
        last = shown(site)["drafts"][-1]
        assert last["author"] == "mail program"
        assert last["distance"] > 0.2 if changed else last["distance"] == 0
        assert len(site.lying("Sent")) == 2


def test_a_draft_that_a_person_left_lying_is_withdrawn_when_another_answer_was_sent(
    tmp_path: Path,
) -> None:
    with imap_site(tmp_path) as site:
        site.deliver(1)
        mail = draft(site)
        with site.server.session(USER) as client:
            client.append("Drafts", b"From: lin@office.example.com\r\nSubject: Mine\r\n\r\nHi\r\n")
        sent = raw_answer(mail)
        site.server.append(USER, "Sent", sent)
        site.until_states("sent")
        site.daemon.until(lambda: len(site.lying("Drafts")) == 1)
        assert b"Subject: Mine" in site.lying("Drafts")[0]
        assert site.lying("Sent") == [sent]
        assert site.relay.mails == ()


def raw_answer(mail: EmailMessage) -> bytes:
    return (
        f"From: <{USER}>\r\nTo: {mail['To']}\r\nSubject: {mail['Subject']}\r\n"
        f"In-Reply-To: {mail['In-Reply-To']}\r\nMessage-ID: <mine@office.example.com>\r\n\r\nAt 9.\r\n"
    ).encode()


def test_a_draft_that_is_edited_at_the_console_replaces_the_one_in_drafts(tmp_path: Path) -> None:
    with imap_site(tmp_path, flow=NEVER) as site:
        site.deliver(1)
        first = draft(site)
        for text in ("We open at nine.", "We open at ten."):
            site.daemon.client.call("mail.edit", id=site.job(1)["id"], text=text, version=None)
            site.daemon.until(lambda text=text: text in text_of(draft(site)))  # type: ignore[misc]
            assert draft(site)["Message-ID"] != first["Message-ID"]
        site.approve(1)
        site.daemon.client.call("mail.undo", id=site.job(1)["id"])
        assert "We open at ten." in text_of(draft(site))
        site.daemon.client.call("mail.reject", id=site.job(1)["id"], reason="Phoned.")
        site.daemon.until(lambda: site.lying("Drafts") == [] == site.lying("INBOX"))
        assert site.relay.mails == ()


# Else the customer, who waits for nothing here, would be taken for a ticket system.
PATIENT_SCREEN = """
import sys
from appliance.cli.app import run
from appliance.screen import caps
caps._FASTER_THAN_A_PERSON = 0.0
sys.exit(run(sys.argv[1:]))
"""


def test_the_customers_next_mail_belongs_to_the_thread_of_what_the_person_sent(
    tmp_path: Path,
) -> None:
    with imap_site(tmp_path, command=("-c", PATIENT_SCREEN)) as site:
        site.deliver(1)
        person_sends(site, draft(site), "We open at nine on Saturday.\n", id="by-lin")
        site.until_states("sent")
        next_mail = raw_mail(
            1,
            text="Thank you. And on Sunday, what are your opening hours?\n",
            headers="In-Reply-To: <by-lin@office.example.com>\n"
            "References: <by-lin@office.example.com>\n",
        ).replace(b"question-1@", b"question-2@")
        next_mail = next_mail.replace(b"Subject: Question 1", b"Subject: Re: Question 1")
        site.server.deliver(USER, next_mail, "customer1@customers.example")
        site.until_states("drafted", "sent")
        mail = draft(site)
        assert str(mail["References"]).split() == [
            "<by-lin@office.example.com>",
            "<question-2@customers.example>",
        ]
        thread = [job for job in site.daemon.jobs() if job["state"] == "drafted"]
        why = site.daemon.client.call("mail.why", id=thread[0]["id"])
        assert not [one for one in why["findings"] if one["rule"] == "answers_automatic"]
