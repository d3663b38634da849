"""``appliance pause|resume|stop-sending``: a person's hand on the switch."""

import argparse
from typing import Any

from appliance.cli.calls import add_json, call
from appliance.cli.output import print_json
from appliance.cli.words import words as _


def add_verbs(verbs: Any) -> None:
    """Add the three verbs."""
    pause = verbs.add_parser("pause", help=_("pause drafting"))
    pause.add_argument(
        "--minutes", type=int, default=60, help=_("for so long; 0: until resumed (default: 60)")
    )
    pause.add_argument("--why", default="", help=_("the reason, for your colleagues"))
    pause.add_argument("--now", action="store_true", help=_("do not finish what is being written"))
    add_json(pause)
    pause.set_defaults(run=_pause)
    stop = verbs.add_parser("stop-sending", help=_("let nothing leave until `resume sending`"))
    stop.add_argument("--why", default="", help=_("the reason, for your colleagues"))
    add_json(stop)
    stop.set_defaults(run=_stop)
    resume = verbs.add_parser("resume", help=_("end a pause, allow sending again"))
    resume.add_argument(
        "what", nargs="?", default="all", choices=("all", "drafting", "sending"), help=_("what")
    )
    add_json(resume)
    resume.set_defaults(run=_resume)


def _pause(chosen: argparse.Namespace) -> int:
    return _told(
        chosen, call(chosen, "pause", minutes=chosen.minutes, why=chosen.why, now=chosen.now)
    )


def _stop(chosen: argparse.Namespace) -> int:
    return _told(chosen, call(chosen, "stop-sending", why=chosen.why))


def _resume(chosen: argparse.Namespace) -> int:
    return _told(chosen, call(chosen, "resume", what=chosen.what))


def _told(chosen: argparse.Namespace, switches: list[dict[str, Any]]) -> int:
    if chosen.json:
        print_json(switches)
        return 0
    print_switches(switches)
    if not switches:
        print(_("Drafting and sending run."))
    return 0


def print_switches(switches: list[dict[str, Any]]) -> None:
    """One line for each switch that is on."""
    names = {"pause": _("drafting is paused"), "stop_sending": _("sending is stopped")}
    for switch in switches:
        until = switch["until"] or _("until resumed")
        line = _("{what} by {who} since {since}, ends: {until}  {why}").format(
            what=names.get(switch["name"], switch["name"]), **{**switch, "until": until}
        )
        print(line.rstrip())
