"""The composition root: builds everything once from the settings, starts and stops the threads."""

import logging
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Final

from appliance.config.settings import EngineSettings, MailboxSettings, Settings
from appliance.config.toml import load_office, load_settings
from appliance.control.protocol import Caller, Role
from appliance.control.server import Handler, Server
from appliance.domain.errors import ConfigError, DiskFull
from appliance.domain.job import State
from appliance.domain.ports import Clock, Engine
from appliance.flow.clerk import Clerk
from appliance.flow.desk import Desk, Desks
from appliance.flow.drafter import Drafter
from appliance.flow.floor import Floor
from appliance.flow.health import Health
from appliance.flow.intake import Intake
from appliance.flow.review import Review
from appliance.flow.runner import Runner
from appliance.flow.status import Status
from appliance.flow.switches import Switches
from appliance.flow.verbs import Arguments, Verbs
from appliance.guard import gate
from appliance.host.readings import read as read_host
from appliance.host.service import Service
from appliance.host.watch import FolderWatch
from appliance.knowledge.index import FolderKnowledge
from appliance.mailbox.folder import FolderMailbox
from appliance.screen import chain
from appliance.store.jobs import SqliteJobStore

log = logging.getLogger(__name__)

KNOWN_RULES: Final = chain.RULES | gate.RULES
"""Every rule name that an office may set."""

_HOST_SECONDS: Final = 5.0
_STUCK_SECONDS: Final = 900.0


class SystemClock:
    """The one place that reads the time."""

    def now(self) -> datetime:
        """The time of day, UTC."""
        return datetime.now(UTC)  # noqa: TID251 - this is the clock everybody else takes

    def steady(self) -> float:
        """Seconds of a clock that nobody sets."""
        return monotonic()


def load_engine(settings: EngineSettings, clock: Clock) -> Engine:
    """The engine the settings name.

    Raises:
        ModelUnusable: the model file cannot be used, with what to do.
    """
    match settings.kind:
        case "llama":
            from appliance.engine.llama import LlamaEngine

            return LlamaEngine.load(settings, clock)
        case "scripted":
            from appliance.engine.scripted import rehearsal

            return rehearsal(settings, clock)
