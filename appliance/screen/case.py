"""What a rule is given: one mail with its surroundings, and its words made comparable once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from appliance.config.settings import Office
from appliance.domain.mail import Message, Thread
from appliance.domain.verdict import Facts
from appliance.screen.words import fold

_QUESTION: Final = 12_000
_WHOLE: Final = 60_000
"""Characters that the rules about wording look at; a letter that is longer starts the same."""


# No slots: the folded texts are made once for all rules and kept in the instance.
@dataclass(frozen=True, kw_only=True)
class Case:
    """One mail to judge: the message, its thread, the office that got it, what the store knows."""

    message: Message
    thread: Thread
    office: Office
    facts: Facts

    @cached_property
    def asked(self) -> str:
        """The newest words of the sender as written; all of them where quotes could not be told."""
        return self.message.question or self.message.text

    @cached_property
    def words(self) -> str:
        """Subject and newest words of the sender, folded (``words.fold``)."""
        return fold(f"{self.message.subject}\n\n{self.asked[:_QUESTION]}")

    @cached_property
    def body(self) -> str:
        """The newest words of the sender without the subject, folded."""
        return fold(self.asked[:_QUESTION])

    @cached_property
    def subject(self) -> str:
        """The subject, folded."""
        return fold(self.message.subject[:1_000])

    @cached_property
    def unquoted(self) -> str:
        """Everything visible that the sender did not quote, footers and signature too, folded."""
        message = self.message
        if not message.quoted:
            return fold(message.text[:_WHOLE])
        return fold(f"{message.question[:_WHOLE]}\n\n{message.signature[:_QUESTION]}")

    @cached_property
    def everything(self) -> str:
        """Subject and all visible text, quotes too, folded: start and end of a very long mail."""
        text = self.message.text
        if len(text) > _WHOLE:
            text = f"{text[: _WHOLE * 2 // 3]}\n\n{text[-_WHOLE // 3 :]}"
        return fold(f"{self.message.subject}\n\n{text}")

    @cached_property
    def hidden(self) -> str:
        """What a person cannot see in the mail, folded."""
        return fold("\n\n".join(self.message.hidden)[:_WHOLE])

    @property
    def own_addresses(self) -> frozenset[str]:
        """The addresses of the office, lower-case."""
        return frozenset(address.lower() for address in self.office.addresses)
