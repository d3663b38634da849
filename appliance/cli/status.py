"""``appliance status``: what is going on, what needs a person, what is wrong."""

import argparse
from datetime import UTC, datetime
from typing import Any, Final

from appliance.cli.calls import add_json, call
from appliance.cli.output import fitted, print_json
from appliance.cli.switches import print_switches
from appliance.cli.words import words as _

_MIB: Final = 1024 * 1024
_MINUTE: Final = 60
_HOUR: Final = 3600
_CONTACT: Final = {"ok": "[OK]", "late": "[!]", "dead": "[X]"}


def add_verbs(verbs: Any) -> None:
    """Add ``status``."""
    status = verbs.add_parser("status", help=_("say what is going on and what needs you"))
    add_json(status)
    status.set_defaults(run=_status)


def _status(chosen: argparse.Namespace) -> int:
    page = call(chosen, "status")
    if chosen.json:
        print_json(page)
    else:
        print_page(page)
    return 1 if page["troubles"] else 0


def print_page(page: dict[str, Any]) -> None:
    """The page for a person."""
    sign = "[!]" if page["troubles"] or page["switches"] or page["notes"] else "[OK]"
    print(f"{sign} {_verdict(page['verdict'])}  appliance {page['version']}")
    now = datetime.fromisoformat(page["now"]).astimezone(UTC)
    for trouble in page["troubles"]:
        age = _age(trouble["since"], now)
        print(f" [X] {trouble['part']}: {trouble['reason']} ({age})")
    print_switches(page["switches"])
    for note in page["notes"]:
        print(f" [!] {note}")
    counts = page["counts"]
    print(
        _(" NEEDS YOU  drafts {drafted}, held {held}, parked {parked}").format(**counts),
        _("  WAITING  {waiting}").format(**page),
        _("  SENT {sent}  SKIPPED {skipped}  REJECTED {rejected}").format(**counts),
    )
    for mailbox in page["mailboxes"]:
        seen = mailbox["last_contact"]
        contact = _age(seen, now) if seen else _("not yet")
        mode = _("sends by itself") if mailbox["automatic"] else _("a person approves")
        sign = _CONTACT[mailbox["contact"]]
        print(f" {sign} {mailbox['name']:<12} {contact:<8} {mailbox['office']} · {mode}")
    _print_engine(page)
    _print_host(page["host"])


def _print_engine(page: dict[str, Any]) -> None:
    engine = page["engine"]
    if engine["loaded"]:
        line = _("{name}, {slots} × {context} tokens").format(**engine)
        print(f" [OK] {fitted(_('engine'), 12)} {line}")
    else:
        print(f" [?] {fitted(_('engine'), 12)} {_('not loaded yet')}")
    for flight in page["now_drafting"]:
        print(_("      mail {id}: {tokens}/{of} tokens, {seconds} s").format(**flight))


def _print_host(host: dict[str, Any]) -> None:
    parts = []
    if host.get("cpu_celsius") is not None:
        parts.append(f"CPU {host['cpu_celsius']:.1f} °C")
    if host.get("own_memory") is not None:
        parts.append(f"RSS {host['own_memory'] // _MIB} MiB")
    if host.get("memory_total"):
        used, total = host["memory_used"] // _MIB, host["memory_total"] // _MIB
        parts.append(_("memory {used}/{total} MiB").format(used=used, total=total))
    if host.get("disk_total"):
        free = host["disk_free"] // _MIB
        parts.append(_("disk {free} MiB free").format(free=free))
    if parts:
        print("      " + " · ".join(parts))


def _verdict(word: str) -> str:
    return {
        "trouble": _("Something is wrong."),
        "sending stopped": _("Sending is stopped."),
        "paused": _("Drafting is paused."),
        "working": _("Working."),
        "idle": _("Nothing to do."),
    }[word]


def _age(moment: str, now: datetime) -> str:
    seconds = max(0, int((now - datetime.fromisoformat(moment)).total_seconds()))
    if seconds < _MINUTE:
        return f"{seconds} s"
    if seconds < _HOUR:
        return f"{seconds // _MINUTE} min"
    return f"{seconds // _HOUR} h"
