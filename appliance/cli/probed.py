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
    }[name]


def said(probe: Any) -> str:
    """The sentence of a probe."""
    sentences = {**_reasons(), **_incoming(), **_outgoing()}
    return sentences[probe.found].format(**dict(probe.values))


def _reasons() -> dict[str, str]:
    return {
        "refused": _("The sign-in was refused. {reason}"),
        "unreachable": _("It does not work at the moment. {reason}"),
        "wrong": _("Something has to be changed. {reason}"),
        "not_signed_in": _("Not tried: nobody is signed in."),
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
