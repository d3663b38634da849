"""What trying out a mailbox brought, in words."""

from typing import Any, Final

from appliance.cli.output import fitted
from appliance.cli.words import words as _

_NAME: Final = 16
_SIGNS: Final = {"ok": "[OK]", "warn": "[!] ", "failed": "[X] ", "skipped": "[-] "}


def print_probe(probe: Any) -> None:
    """One line of the table."""
    name = fitted(named_probe(probe.name), _NAME)
    print(f" {_SIGNS[probe.state]} {name} {said(probe)}", flush=True)


def named_probe(name: str) -> str:
    """What was tried, for a person; scripts get the bare word."""
    return {
        "sign_in": _("sign-in"),
        "imap": _("mail in (IMAP)"),
        "folders": _("folders"),
        "draft": _("a draft"),
        "claim": _("other boxes"),
        "smtp": _("mail out (SMTP)"),
        "round_trip": _("mail to itself"),
        "folder": _("the folder"),
        "server": _("the server"),
        "mailbox": _("the mailbox"),
        "other": _("other mailboxes"),
        "send": _("way of sending"),
        "online": _("what ends"),
        "marking": _("marking"),
    }[name]


def said(probe: Any) -> str:
    """The sentence of a probe."""
    sentences = {**_reasons(), **_incoming(), **_outgoing(), **_stores(), **_sendings()}
    return sentences[probe.found].format(**dict(probe.values))


def _reasons() -> dict[str, str]:
    return {
        "refused": _("Access was refused. {reason}"),
        "unreachable": _("It does not work at the moment. {reason}"),
        "wrong": _("Something has to be changed. {reason}"),
        "not_signed_in": _("Not tried: without access to the mailbox it cannot be."),
        "refused_already": _("Not tried: the same sign-in was just refused."),
        "not_asked": _("Not asked for."),
        "not_yet": _("Not tried: what it needs does not work yet."),
    }


def _incoming() -> dict[str, str]:
    return {
        "signed_in": _("Signed in at {server} ({security}); it offers {offered}."),
        "polled": _(
            "Signed in at {server} ({security}); it offers {offered}. It does not announce new "
            "mail, so the inbox is looked at every {seconds} s."
        ),
        "folders_there": _("All are there: {there}."),
        "folders_missing": _("There: {there}. The service will make: {missing}."),
        "draft": _("A draft was put there and taken away."),
        "draft_lost": _(
            "A draft was put there, but the server does not find it by its Message-ID. Remove it "
            "by hand. Drafts and sent mail may appear twice."
        ),
        "unclaimed": _("No appliance answers this mailbox now."),
        "ours": _("This appliance answers this mailbox now."),
        "claimed": _(
            "Another appliance ({host}) answers this mailbox, last sign of life {minutes} min ago. "
            "This one will do nothing here until the other one is stopped."
        ),
        "box_unknown": _("Not tried: only the service may read which box this is."),
        "folder": _("{path}: mails in the inbox: {waiting}."),
        "no_folder": _("{path} is not there yet; the service makes it."),
    }


def _outgoing() -> dict[str, str]:
    return {
        "sender_accepted": _(
            "Signed in at {server} ({security}), the sender is accepted; it offers {offered}."
        ),
        "came_back": _("It came back after {seconds} s and was removed."),
        "copied": _(
            "It came back after {seconds} s and was removed. The server keeps a copy of sent mail "
            'by itself: set sent_copy = "server", or every reply lies there twice.'
        ),
        "not_copied": _(
            "It came back after {seconds} s and was removed. The server keeps no copy of sent mail "
            'by itself: set sent_copy = "append", or replies are missing there.'
        ),
        "lost": _(
            "It left, but did not come back within {seconds} s. Does the first of the office's "
            "addresses lead to this mailbox? Look into its spam folder, too."
        ),
    }


def _stores() -> dict[str, str]:
    """Of Exchange and Graph."""
    return {
        "answers": _("{server} answers, its certificate is good."),
        "answers_ews": _("{server} answers, its certificate is good; it offers {offered}."),
        "no_ews": _(
            "{server} answers, but there is no EWS at {url}. Check the server's name; where its "
            "EWS lies elsewhere, give the whole address."
        ),
        "not_offered": _(
            '{server} answers, but offers {offered} and not what auth = "{auth}" says. Change auth '
            "here, or what the server offers for EWS."
        ),
        "token": _("The sign-in service gave a token."),
        "read": _("It can be read."),
        "kept_out": _("{other} is refused, as it should be."),
        "let_in": _(
            "This sign-in can read {other}, too, and maybe every mailbox. Limit it to this one: "
            "docs/exchange.md."
        ),
        "unclear": _("Whether {other} is refused cannot be told. {reason}"),
        "not_named": _("Not tried: no other address was named (--other)."),
        "folders_ready": _("All are there; what was missing was made: {there}."),
        "draft_marked": _("A draft was put there, found by our property and taken away."),
        "draft_unmarked": _(
            "A draft was put there, but the server does not find it by our property. Without that "
            "nothing can be sent safely."
        ),
        "draft_stays": _("A draft was put there, but cannot be removed. Remove it by hand."),
        "noted": _(
            "Another appliance ({host}) has its note in this mailbox. This one does nothing here "
            "while that note is renewed, and takes over {minutes} min after the last time."
        ),
    }


def _sendings() -> dict[str, str]:
    """Of Exchange and Graph, and of what Microsoft ends."""
    return {
        "sends": _("The server sends by {send}, and files what it sent."),
        "sends_otherwise": _(
            'The server does not send as configured, but does so by {send}: set send = "{send}", '
            "or it is never known what was sent."
        ),
        "sends_not": _(
            "Neither way of sending puts the mail into Sent. It would never be known what was sent."
        ),
        "not_filed": _("What was sent is not in Sent. It would never be known what was sent."),
        "marked": _("What leaves by itself is marked as such (Auto-Submitted)."),
        "unmarked": _(
            "The mark of an automatic reply (Auto-Submitted) does not leave with it. That no two "
            "machines answer each other rests on what is done with incoming mail."
        ),
        "marking_unsure": _(
            "Graph promises no way to mark an automatic reply (Auto-Submitted). That no two "
            "machines answer each other rests on what is done with incoming mail."
        ),
        "ews_ends": _(
            "This is Exchange Online. Since 2026-10-01 Microsoft blocks EWS there, tenant by "
            "tenant, unless EWSEnabled is set and this application is in EWSAllowedAppIDs; on "
            '2027-04-01 it ends for good. Use kind = "graph": docs/exchange.md.'
        ),
        "ews_over": _(
            "This is Exchange Online, and Microsoft ended EWS there on 2027-04-01. Use kind = "
            '"graph": docs/exchange.md.'
        ),
        "smtp_auth": _(
            "Microsoft 365 takes passwords at SMTP no longer by default from the end of December "
            '2026 on. Sign in with method = "microsoft", or use kind = "graph": docs/exchange.md.'
        ),
    }
