"""``appliance check``: try every mailbox out, any time, also while the service runs."""

import argparse
from collections.abc import Iterator
from typing import Any, Final

from appliance.cli.calls import add_json
from appliance.cli.output import fitted, print_json
from appliance.cli.words import words as _
from appliance.config.secrets import Secrets
from appliance.config.settings import MailboxSettings, Office, Settings
from appliance.config.toml import load_office, load_settings
from appliance.flow.stages import RULES

_NAME: Final = 16


def add_verbs(verbs: Any) -> None:
    """Add ``check``."""
    check = verbs.add_parser(
        "check", help=_("try every mailbox out: sign-in, folders, sending to itself")
    )
    check.add_argument(
        "--no-send", action="store_true", help=_("do not send a mail to the mailbox itself")
    )
    add_json(check)
    check.set_defaults(run=_check)


def _check(chosen: argparse.Namespace) -> int:
    settings = load_settings(chosen.config)
    offices = {one.name: load_office(one.office, RULES) for one in settings.mailbox}
    secrets = Secrets.beside(chosen.config)
    rows: list[dict[str, Any]] = []
    for mailbox in settings.mailbox:
        if not chosen.json:
            print(_("Mailbox {name}:").format(name=mailbox.name))
        for probe in probes(
            mailbox, offices[mailbox.name], settings, secrets, send=not chosen.no_send
        ):
            rows.append(
                {
                    "mailbox": mailbox.name,
                    "probe": probe.name,
                    "state": probe.state,
                    "said": probe.said,
                    "learned": dict(probe.learned),
                }
            )
            if not chosen.json:
                print_probe(probe)
    failed = any(row["state"] == "failed" for row in rows)
    if chosen.json:
        print_json({"right": not failed, "probes": rows})
    return 2 if failed else 0


def probes(
    mailbox: MailboxSettings, office: Office, settings: Settings, secrets: Secrets, *, send: bool
) -> Iterator[Any]:
    """The probes of a mailbox, each as soon as it is done."""
    from appliance.daemon import SystemClock

    if mailbox.kind == "imap":
        from appliance.mailbox.probe import AccountProbe

        account = AccountProbe(
            mailbox, office, secrets=secrets, state=settings.state, clock=SystemClock()
        )
        yield from account.run(send=send)
        return
    from appliance.mailbox.probes import folder_probe

    assert mailbox.path is not None
    yield folder_probe(mailbox.path, name=mailbox.name)


def print_probe(probe: Any) -> None:
    """One line of the table."""
    sign = {"ok": "[OK]", "warn": "[!] ", "failed": "[X] ", "skipped": "[-] "}[probe.state]
    print(f" {sign} {fitted(named_probe(probe.name), _NAME)} {probe.said}", flush=True)


def named_probe(name: str) -> str:
    """What was tried, for a person; scripts get the bare word."""
    return {
        "imap": _("mail in (IMAP)"),
        "folders": _("folders"),
        "draft": _("a draft"),
        "smtp": _("mail out (SMTP)"),
        "round_trip": _("mail to itself"),
        "folder": _("the folder"),
    }.get(name, name)
