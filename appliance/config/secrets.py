"""Secrets by name: systemd credentials first, else files that only the service can read."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from appliance.config.files import replace_file
from appliance.domain.errors import ConfigError

DIRECTORY: Final = "secrets"
"""Name of the directory beside ``appliance.toml``."""

_LARGEST: Final = 65_536
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Secret:
    """A value that shows itself only when it is asked to; no repr, log or traceback holds it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(…)"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)


class Secrets:
    """Where the secrets of one configuration are; read anew each time, so a changed one counts."""

    def __init__(self, directory: Path, environment: Mapping[str, str] = os.environ) -> None:
        """``directory`` holds a file a secret; ``$CREDENTIALS_DIRECTORY`` (systemd) goes first."""
        self._directory = directory
        credentials = environment.get("CREDENTIALS_DIRECTORY")
        self._places = ((Path(credentials),) if credentials else ()) + (directory,)

    @classmethod
    def beside(cls, config: Path) -> "Secrets":
        """The secrets of the configuration file ``config``."""
        return cls(config.parent / DIRECTORY)

    def get(self, name: str) -> Secret:
        """The secret ``name``, without the line ending an editor put behind it.

        Raises:
            ConfigError: it is nowhere, empty, or a file of it can be read by others.
        """
        if not _NAME.fullmatch(name):
            raise ConfigError((f"“{name}” is no name of a secret.",))
        for place in self._places:
            path = place / name
            try:
                with path.open("rb") as file:
                    mode = os.fstat(file.fileno()).st_mode
                    content = file.read(_LARGEST)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise ConfigError((f"{path}: it cannot be read: {error.strerror}.",)) from error
            if mode & 0o077 and place == self._directory:
                raise ConfigError(
                    (f"{path}: others can read this secret; run `chmod 600 {path}`.",)
                )
            value = content.decode("utf-8", "replace").strip("\r\n")
            if not value:
                raise ConfigError((f"{path}: the secret is empty.",))
            return Secret(value)
        raise ConfigError((self._missing(name),))

    def _missing(self, name: str) -> str:
        return (
            f"The secret {name} is missing: write it into {self._directory / name} (mode 600, "
            "owned by the service's user) or hand it over as a systemd credential."
        )

    def put(self, name: str, secret: Secret) -> Path:
        """Write a secret (mode 0600, its directory 0700); returns its file.

        Raises:
            ConfigError, DiskFull: it cannot be written; an older one is untouched.
        """
        path = self._directory / name
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError((f"{self._directory}: {error.strerror}.",)) from error
        replace_file(path, secret.reveal().encode())
        return path
