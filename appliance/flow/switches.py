"""The two switches a person has: pause drafting, stop sending; both survive a reboot."""

import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from appliance.config.overrides import Override, Overrides, load, save
from appliance.domain.ports import Clock

PAUSE: Final = "pause"
STOP_SENDING: Final = "stop_sending"


class Switches:
    """Overrides on disk, read once and written through."""

    def __init__(self, path: Path, clock: Clock, changed: Callable[[], None]) -> None:
        """Read the switches.

        Args:
            path: ``overrides.toml``.
            clock: decides what has ended.
            changed: called after each change, so that waiting threads look again.

        Raises:
            ConfigError: the file is damaged.
        """
        self._path = path
        self._clock = clock
        self._changed = changed
        self._lock = threading.Lock()
        self._overrides: Overrides = load(path)

    def on(self, name: str) -> bool:
        """Whether the switch is on now."""
        return any(override.name == name for override in self.active())

    def active(self) -> tuple[Override, ...]:
        """What is in force now."""
        return self._overrides.active(self._clock.now())

    def turn_on(self, name: str, *, who: str, why: str, until: datetime | None) -> None:
        """Turn a switch on and keep it on disk; raises DiskFull and then changes nothing."""
        override = Override(
            name=name, value=True, who=who, when=self._clock.now(), why=why, until=until
        )
        self._write(lambda now: now.with_(override))

    def turn_off(self, name: str) -> None:
        """Turn a switch off and keep that on disk."""
        self._write(lambda now: now.without(name))

    def _write(self, change: Callable[[Overrides], Overrides]) -> None:
        with self._lock:
            overrides = change(self._overrides)
            save(self._path, overrides)
            self._overrides = overrides
        self._changed()
