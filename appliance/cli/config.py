"""``appliance config check|show``: is the configuration right, and what is in force?"""

import argparse
from dataclasses import asdict
from typing import Any

from appliance.cli.calls import add_json
from appliance.cli.output import print_json
from appliance.cli.words import words as _
from appliance.config.settings import Office, Settings
from appliance.config.toml import load_office, load_settings
from appliance.domain.errors import ConfigError
from appliance.flow.stages import RULES


def add_verbs(verbs: Any) -> None:
    """Add ``config`` and its verbs."""
    config = verbs.add_parser("config", help=_("check and show the configuration"))
    inner = config.add_subparsers(metavar=_("VERB"), required=True)
    for verb, run, text in (
        ("check", _check, _("name every mistake in the configuration and the offices")),
        ("show", _show, _("show every setting in force, defaults included")),
    ):
        parser = inner.add_parser(verb, help=text)
        add_json(parser)
        parser.set_defaults(run=run)


def _loaded(chosen: argparse.Namespace) -> tuple[Settings, dict[str, Office], tuple[str, ...]]:
    settings = load_settings(chosen.config)
    offices: dict[str, Office] = {}
    problems: list[str] = []
    for mailbox in settings.mailbox:
        try:
            offices[mailbox.name] = load_office(mailbox.office, RULES)
        except ConfigError as error:
            problems.extend(error.problems)
    return settings, offices, tuple(problems)


def _check(chosen: argparse.Namespace) -> int:
    try:
        *_rest, problems = _loaded(chosen)
    except ConfigError as error:
        problems = error.problems
    if chosen.json:
        print_json({"right": not problems, "problems": problems})
    elif problems:
        print("\n".join(problems))
    else:
        print(_("The configuration is right."))
    return 2 if problems else 0


def _show(chosen: argparse.Namespace) -> int:
    settings, offices, problems = _loaded(chosen)
    if problems:
        raise ConfigError(problems)
    if chosen.json:
        shown = asdict(settings)
        shown["offices"] = {name: _plain(office) for name, office in offices.items()}
        print_json(shown)
        return 0
    for key, value in _lines("", asdict(settings)):
        print(f"{key} = {value}")
    for name, office in offices.items():
        for key, value in _lines("", _plain(office)):
            print(f"[{name}] {key} = {value}")
    return 0


def _plain(office: Office) -> dict[str, Any]:
    """``asdict`` cannot copy the read-only mappings."""
    return {
        name: dict(value)
        if name in {"disclosure", "rules"}
        else (asdict(value) if hasattr(value, "__dataclass_fields__") else value)
        for name in Office.__dataclass_fields__
        for value in (getattr(office, name),)
    }


def _lines(place: str, value: object) -> list[tuple[str, object]]:
    if isinstance(value, dict):
        return [line for key, item in value.items() for line in _lines(f"{place}.{key}", item)]
    if isinstance(value, tuple | list) and value and isinstance(value[0], dict):
        return [
            line for number, item in enumerate(value) for line in _lines(f"{place}[{number}]", item)
        ]
    return [(place.lstrip("."), value)]
