"""``appliance check``: try every mailbox out, any time, also while the service runs."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from appliance.cli.calls import add_json
from appliance.cli.output import print_json
from appliance.cli.probed import print_probe, said
from appliance.cli.words import words as _
from appliance.config.secrets import Secrets
from appliance.config.settings import MailboxSettings, Office, Settings
from appliance.config.toml import load_office, load_settings
from appliance.domain.errors import ApplianceError
from appliance.flow.stages import RULES


def add_verbs(verbs: Any) -> None:
    """Add ``check``."""
    check = verbs.add_parser(
        "check", help=_("try every mailbox out: sign-in, folders, sending to itself")
    )
    check.add_argument(
        "--no-send", action="store_true", help=_("do not send a mail to the mailbox itself")
    )
    check.add_argument(
        "--other",
        metavar="ADDRESS",
        default="",
        help=_(
            "exchange, graph: a mailbox that the sign-in must not reach; try that it is refused"
        ),
    )
    check.add_argument(
        "--record",
        metavar="DIR",
        type=Path,
        help=_(
            "exchange, graph: write what is said to the server into DIR, nothing personal in it"
        ),
    )
    add_json(check)
    check.set_defaults(run=_check)


def _check(chosen: argparse.Namespace) -> int:
    settings = load_settings(chosen.config)
    offices = {one.name: load_office(one.office, RULES) for one in settings.mailbox}
    secrets = Secrets.beside(chosen.config)
    wish = wished(settings.state, send=not chosen.no_send, other=chosen.other, record=chosen.record)
    rows: list[dict[str, Any]] = []
    for mailbox in settings.mailbox:
        if not chosen.json:
            print(_("Mailbox {name}:").format(name=mailbox.name))
        for probe in probes(mailbox, offices[mailbox.name], wish, settings, secrets):
            rows.append(
                {
                    "mailbox": mailbox.name,
                    "probe": probe.name,
                    "state": probe.state,
                    "found": probe.found,
                    "said": said(probe),
                    "learned": dict(probe.learned),
                }
            )
            if not chosen.json:
                print_probe(probe)
    failed = any(row["state"] == "failed" for row in rows)
    if chosen.json:
        print_json({"right": not failed, "probes": rows})
    return 2 if failed else 0


def wished(box: Path, *, send: bool, other: str = "", record: Path | None = None) -> Any:
    """What is to be tried.

    Args:
        box: the state directory of this box, by which its own claim is known.
        send: also mail ourselves.
        other: the address of a mailbox that must be refused to us, or empty.
        record: where transcripts go, or None.

    Raises:
        ConfigError: ``record`` cannot be written to.
    """
    from appliance.mailbox.probe_wish import Wish
    from appliance.mailbox.record import Recorder

    recorder = None if record is None else Recorder(record)
    return Wish(send=send, box=box, other=other, record=recorder)


def probes(
    mailbox: MailboxSettings, office: Office, wish: Any, settings: Settings, secrets: Secrets
) -> Iterator[Any]:
    """The probes of a mailbox, each as soon as it is done.

    Args:
        mailbox: one of ``settings``, or one that may become so.
        office: whose address sends.
        wish: as ``wished`` makes it.
        settings: their state directory holds the token caches.
        secrets: where the names in ``sign_in`` lead.
    """
    from appliance.mailbox.probes import failed, folder_probe

    if mailbox.kind == "folder":
        assert mailbox.path is not None
        yield folder_probe(mailbox.path, name=mailbox.name)
        return
    kind = _imap if mailbox.kind == "imap" else _store
    try:
        tried = kind(mailbox, office, wish, settings, secrets)
    except ApplianceError as error:
        yield failed("sign_in", error)
        return
    yield from tried


def _imap(
    mailbox: MailboxSettings, office: Office, wish: Any, settings: Settings, secrets: Secrets
) -> Iterator[Any]:
    from appliance.daemon import SystemClock
    from appliance.mailbox.probe import AccountProbe

    account = AccountProbe(
        mailbox, office, secrets=secrets, state=settings.state, clock=SystemClock()
    )
    return account.run(send=wish.send, box=wish.box)


def _store(
    mailbox: MailboxSettings, office: Office, wish: Any, settings: Settings, secrets: Secrets
) -> Iterator[Any]:
    from appliance.daemon import SystemClock
    from appliance.mailbox.probe_account import open_probe

    account = open_probe(
        mailbox, office, wish, secrets=secrets, state=settings.state, clock=SystemClock()
    )
    return account.run()
