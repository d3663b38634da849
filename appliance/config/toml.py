"""Reading ``appliance.toml`` and ``office.toml``: a right tree, or every mistake with its place."""

from pathlib import Path
from typing import Final

from appliance.config.mailboxes import check_mailboxes
from appliance.config.settings import FlowSettings, Office, Settings
from appliance.config.tree import TreeReader, suggestion
from appliance.domain.errors import ConfigError

OFFICE_FILE: Final = "office.toml"
_LARGEST: Final = 1024 * 1024
_DISPOSITIONS: Final = ("pass", "review", "hold", "skip")


def load_settings(path: Path) -> Settings:
    """The administrator's ``appliance.toml``; relative paths in it are relative to the file.

    Raises:
        ConfigError: it cannot be read, or something in it is wrong; carries every problem.
    """
    return settings_from(file_text(path), str(path))


def settings_from(text: str, place: str) -> Settings:
    """``text`` as settings; ``place`` is its file name, for problems and relative paths.

    Raises:
        ConfigError: with every problem.
    """
    reader = TreeReader(text, place)
    settings = reader.read(Settings)
    check_mailboxes(reader)
    _check_waits(reader)
    return reader.checked(settings)


def load_office(directory: Path, known_rules: frozenset[str] | None = None) -> Office:
    """The office in ``directory``, from its ``office.toml``.

    Args:
        directory: holds ``office.toml`` and, beside it, ``knowledge/``.
        known_rules: names that ``[rules]`` may use; None: any.

    Raises:
        ConfigError: it cannot be read, or something in it is wrong; carries every problem.
    """
    path = directory / OFFICE_FILE
    return office_from(file_text(path), str(path), known_rules)


def office_from(text: str, place: str, known_rules: frozenset[str] | None = None) -> Office:
    """``text`` as an office; arguments as in ``settings_from`` and ``load_office``.

    Raises:
        ConfigError: with every problem.
    """
    reader = TreeReader(text, place)
    office = reader.read(Office)
    if reader.found("addresses") == ():
        reader.refuse(("addresses",), "must name at least one address.")
    for name in ("name", "language"):
        if reader.found(name) == "":
            reader.refuse((name,), "must not be empty.")
    _check_rules(reader, known_rules)
    return reader.checked(office)


def file_text(path: Path) -> str:
    """The text of a configuration file (UTF-8, with or without byte order mark).

    Raises:
        ConfigError: it is not there, may not be read, is no UTF-8 or is larger than 1 MiB.
    """
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError((f"{path}: it cannot be read: {error.strerror}.",)) from error
    if len(content) > _LARGEST:
        raise ConfigError((f"{path}: it is larger than 1 MiB; this is no configuration file.",))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError((f"{path}, line {line}: this is not UTF-8 text.",)) from error


def _check_waits(reader: TreeReader) -> None:
    given = reader.found("flow", "retry_seconds")
    first = FlowSettings().retry_seconds if given is None else given
    longest = reader.found("flow", "retry_max_seconds")
    if longest is not None and longest < first:
        reader.refuse(
            ("flow", "retry_max_seconds"), f"must not be less than retry_seconds ({first:g})."
        )


def _check_rules(reader: TreeReader, known_rules: frozenset[str] | None) -> None:
    for name, disposition in (reader.found("rules") or {}).items():
        key = ("rules", name)
        if disposition not in _DISPOSITIONS:
            listed = ", ".join(_DISPOSITIONS)
            end = suggestion(disposition, _DISPOSITIONS)
            reader.refuse(key, f'must be one of {listed}, not "{disposition}"{end}')
        if known_rules is not None and name not in known_rules:
            reader.refuse(key, f"is not a rule{suggestion(name, known_rules)}")
