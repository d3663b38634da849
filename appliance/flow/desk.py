"""A desk: one mailbox together with the office that answers it."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from appliance.config.settings import MailboxSettings, Office
from appliance.domain.errors import NotFound
from appliance.domain.ports import Knowledge, Mailbox


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything that is needed to answer the mails of one mailbox."""

    settings: MailboxSettings
    office: Office
    mailbox: Mailbox
    knowledge: Knowledge

    @property
    def name(self) -> str:
        """The mailbox's name in the configuration."""
        return self.settings.name


class Desks:
    """The desks in force; ``swap`` replaces one whole, so a reader never sees half a change."""

    def __init__(self, desks: tuple[Desk, ...]) -> None:
        self._desks: Mapping[str, Desk] = MappingProxyType({desk.name: desk for desk in desks})

    def __getitem__(self, name: str) -> Desk:
        """The desk of a mailbox.

        Raises:
            NotFound: the mailbox is no longer in the configuration.
        """
        try:
            return self._desks[name]
        except KeyError as error:
            raise NotFound(
                f"The mailbox “{name}” is not in the configuration any more; its mails wait."
            ) from error

    def all(self) -> tuple[Desk, ...]:
        """Every desk, in the order of the configuration."""
        return tuple(self._desks.values())

    def swap(self, desk: Desk) -> None:
        """Put ``desk`` in the place of the one with its name."""
        self._desks = MappingProxyType({**self._desks, desk.name: desk})
