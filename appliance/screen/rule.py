"""What a rule is: a named question about a case, with the reason it gives."""

from collections.abc import Callable
from dataclasses import dataclass

from appliance.domain.verdict import Disposition, Finding
from appliance.screen.case import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reason why a machine might better not answer.

    Attributes:
        name: in snake_case; the name of its findings and its key in ``office.toml``.
        disposition: how strict it is where the office says nothing.
        reason: a sentence for the reviewer; quotes no mail.
        applies: the question.
        mandatory: an office may make it stricter, never more lenient.
    """

    name: str
    disposition: Disposition
    reason: str
    applies: Callable[[Case], bool]
    mandatory: bool = False

    def finding(self, case: Case, disposition: Disposition) -> Finding | None:
        """What the rule has to say about ``case`` when it is as strict as ``disposition``."""
        if not self.applies(case):
            return None
        return Finding(rule=self.name, disposition=disposition, reason=self.reason)


def rule(
    disposition: Disposition, reason: str, *, mandatory: bool = False
) -> Callable[[Callable[[Case], bool]], Rule]:
    """Make a rule of a function; the name of the function is the name of the rule."""

    def made(applies: Callable[[Case], bool]) -> Rule:
        return Rule(
            name=applies.__name__,
            disposition=disposition,
            reason=reason,
            applies=applies,
            mandatory=mandatory,
        )

    return made
