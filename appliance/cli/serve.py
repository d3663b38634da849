"""``appliance serve``: the service itself."""

import argparse
import logging
from typing import Any

from appliance.cli.words import words as _


def add_verbs(verbs: Any) -> None:
    """Add ``serve``."""
    serve = verbs.add_parser("serve", help=_("run the service (systemd starts this at boot)"))
    serve.set_defaults(run=_serve)


def _serve(chosen: argparse.Namespace) -> int:
    from appliance.daemon import Daemon

    # watchdog reports the end of its own threads as an error at every stop.
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    daemon = Daemon(chosen.config)
    logging.getLogger().setLevel(daemon.settings.log_level)
    return 0 if daemon.run() else 70
