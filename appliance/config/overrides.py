"""What people changed by hand, with who, when, why and until when; survives a reboot."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import tomli_w

from appliance.config.files import replace_file
from appliance.config.toml import file_text
from appliance.config.tree import TreeReader
from appliance.domain.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """One setting that a person changed by hand.

    Attributes:
        name: what is overridden, such as ``pause`` or ``stop_sending``.
        value: what it is now.
        who: the person's login name.
        when: since when (aware).
        why: the person's reason; may be empty.
        until: it ends by itself then (aware); None: only a person ends it.
    """

    name: str
    value: bool | int | float | str
    who: str
    when: datetime
    why: str = ""
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrides:
    """``overrides.toml``: at most one override of a name, oldest first."""

    override: tuple[Override, ...] = ()

    def with_(self, override: Override) -> "Overrides":
        """These and ``override``, which takes the place of one with the same name."""
        return replace(self, override=(*self.without(override.name).override, override))

    def without(self, name: str) -> "Overrides":
        """These but the one called ``name``."""
        return replace(self, override=tuple(one for one in self.override if one.name != name))

    def active(self, now: datetime) -> tuple[Override, ...]:
        """Those whose time is not over at ``now`` (aware)."""
        return tuple(one for one in self.override if one.until is None or now < one.until)


def load(path: Path) -> Overrides:
    """The overrides in ``path``; none where there is no such file.

    Raises:
        ConfigError: the file is damaged or unreadable; it is left as it is.
    """
    if not path.exists():
        return Overrides()
    try:
        reader = TreeReader(file_text(path), str(path))
        return reader.checked(reader.read(Overrides))
    except ConfigError as error:
        advice = f"{path}: move this file away to go on without what was changed by hand."
        raise ConfigError((*error.problems, advice)) from error


def save(path: Path, overrides: Overrides) -> None:
    """Write ``overrides``; after a power cut the file is the old or the new one, never half.

    Raises:
        DiskFull: there is no room; the old file is untouched.
        ConfigError: the directory cannot be written to; the old file is untouched.
    """
    text = tomli_w.dumps({"override": [_written(one) for one in overrides.override]})
    replace_file(path, text.encode())


def _written(override: Override) -> Mapping[str, Any]:
    """TOML has no null, so what is not set is left out."""
    pairs = ((item.name, getattr(override, item.name)) for item in fields(override))
    return {name: value for name, value in pairs if value is not None}
