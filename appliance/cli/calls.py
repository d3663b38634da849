"""Calls of the daemon from the command line."""

import argparse
import os
from typing import Any

from appliance.cli.words import words as _
from appliance.config.settings import Settings
from appliance.config.toml import load_settings
from appliance.control.client import Client

Subparsers = "argparse._SubParsersAction[argparse.ArgumentParser]"


def call(chosen: argparse.Namespace, verb: str, **arguments: object) -> Any:
    """Ask the daemon.

    Raises:
        DaemonUnreachable: nobody answers.
        OperatorError, TransientError: as the daemon answered.
    """
    socket = chosen.socket
    if socket is None:
        # Who reviews mails need not be able to read the administrator's file.
        readable = os.access(chosen.config, os.R_OK)
        socket = load_settings(chosen.config).socket if readable else default_socket()
    return Client(socket).call(verb, **arguments)


def default_socket() -> Any:
    """Where the daemon of an installed appliance listens."""
    return Settings.__dataclass_fields__["socket"].default


def add_json(parser: argparse.ArgumentParser) -> None:
    """The ``--json`` switch."""
    parser.add_argument("--json", action="store_true", help=_("print JSON for scripts"))
