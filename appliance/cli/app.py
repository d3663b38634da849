"""The root of the command line: ``appliance VERB …``."""

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Final

from appliance import __version__
from appliance.cli.words import language_of
from appliance.cli.words import words as _
from appliance.domain.errors import ApplianceError, DaemonUnreachable, OperatorError

CONFIG: Final = Path("/etc/appliance/appliance.toml")

_MODULES: Final = {
    "serve": "serve",
    "status": "status",
    "mail": "mail",
    "pause": "switches",
    "stop-sending": "switches",
    "resume": "switches",
    "knowledge": "knowledge",
    "guard": "guard",
    "config": "config",
    "setup": "setup",
    "sign-in": "renew",
    "check": "check",
    "demo": "demo",
}
"""The module of each verb; it adds its verbs with ``add_verbs(subparsers)``."""

Run = Callable[[argparse.Namespace], int]


def parser(arguments: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The command line: whole, or what ``arguments`` need where they name a verb.

    A clerk's `appliance mail list` has no use for the rules that `appliance serve` loads.
    """
    root = argparse.ArgumentParser(
        prog="appliance",
        description=_("A language model on this box answers a shared mailbox."),
        epilog=_("Every verb has --help; every verb that reads has --json."),
    )
    root.add_argument(
        "--version",
        action="version",
        version=f"appliance {__version__}",
        help=_("show the version and end"),
    )
    root.add_argument(
        "--config",
        type=Path,
        default=Path(os.environ.get("APPLIANCE_CONFIG", CONFIG)),
        help=_("the configuration file (default: %(default)s)"),
    )
    root.add_argument(
        "--socket",
        type=Path,
        default=None,
        help=_("the daemon's socket (default: as the configuration says)"),
    )
    verbs = root.add_subparsers(metavar=_("VERB"), required=True)
    named = [_MODULES[word] for word in arguments if word in _MODULES]
    for module in dict.fromkeys(named or _MODULES.values()):
        import_module(f"appliance.cli.{module}").add_verbs(verbs)
    return root


def _status(error: ApplianceError) -> int:
    if isinstance(error, DaemonUnreachable):
        return 3
    return 2 if isinstance(error, OperatorError) else 75


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Returns:
        0: done; 1: done, but something is not right; 2: a person must change something;
        3: no daemon answers; 70: the service met a mistake of its own (EX_SOFTWARE);
        75: time may help (EX_TEMPFAIL).
    """
    _.choose(language_of())
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    chosen = parser(arguments).parse_args(arguments)
    act: Run = chosen.run
    try:
        status = act(chosen)
        # What is still in the buffer would else meet a closed pipe after the last handler.
        sys.stdout.flush()
    except ApplianceError as error:
        print(error, file=sys.stderr)
        return _status(error)
    except BrokenPipeError:
        # `appliance mail list | head`: the reader has enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return status
