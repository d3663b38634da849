"""Changed files: read whole, checked whole, swapped in; a bad edit never replaces a good one."""

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

from appliance.config.settings import MailboxSettings, Office, Settings
from appliance.domain.errors import ApplianceError, ConfigError
from appliance.flow.desk import Desk, Desks

log = logging.getLogger(__name__)

_RESTART: Final = (
    "appliance.toml has changed; it takes effect with `systemctl restart appliance`; "
    "no mail is lost by that."
)


class Reload:
    """Looks at the configuration, the offices and their knowledge again."""

    def __init__(
        self,
        desks: Desks,
        in_force: Settings,
        *,
        load_settings: Callable[[], Settings],
        load_office: Callable[[Path], Office],
    ) -> None:
        self._desks = desks
        self._in_force = in_force
        self._load_settings = load_settings
        self._load_office = load_office
        self.notes: tuple[str, ...] = ()
        """What a person should know about the last look, one sentence each."""

    def look(self) -> None:
        """Take over what is right; say what is not."""
        notes = list(self._settings())
        for desk in self._desks.all():
            notes.extend(self._office(desk))
            notes.extend(self._knowledge(desk))
        if tuple(notes) != self.notes:
            log.info("configuration looked at again notes=%d", len(notes))
        self.notes = tuple(notes)

    def _settings(self) -> tuple[str, ...]:
        try:
            settings = self._load_settings()
        except ConfigError as error:
            return _kept(error)
        if settings != self._in_force:
            return (_RESTART,)
        return ()

    def _office(self, desk: Desk) -> tuple[str, ...]:
        settings: MailboxSettings = desk.settings
        try:
            office = self._load_office(settings.office)
        except ConfigError as error:
            return _kept(error)
        if office != desk.office:
            self._desks.swap(replace(desk, office=office))
            log.info("mailbox=%s office taken over", desk.name)
        return ()

    def _knowledge(self, desk: Desk) -> tuple[str, ...]:
        try:
            if desk.knowledge.refresh():
                log.info("mailbox=%s knowledge=%s indexed", desk.name, desk.knowledge.version)
        except ApplianceError as error:
            return (f"{desk.name}: the knowledge was not taken over: {error}",)
        return tuple(f"{desk.name}: {problem}" for problem in desk.knowledge.problems)


def _kept(error: ConfigError) -> tuple[str, ...]:
    return tuple(f"Not taken over, the last good one stays: {line}" for line in error.problems)
