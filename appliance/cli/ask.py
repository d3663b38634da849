"""Questions in a terminal: each with its default, asked again until the answer can be used."""

import getpass
from collections.abc import Callable, Sequence
from typing import TypeVar

from appliance.cli.words import words as _
from appliance.domain.errors import OperatorError

T = TypeVar("T", bound=str)


def text(question: str, default: str = "", *, right: Callable[[str], str] | None = None) -> str:
    """A line of text; Enter takes the default.

    Args:
        question: what is asked.
        default: shown in brackets; empty: an answer is needed.
        right: returns what is wrong with an answer, or nothing.
    """
    shown = f"{question} [{default}]: " if default else f"{question}: "
    while True:
        answer = _line(shown) or default
        wrong = right(answer) if right is not None else ""
        if answer and not wrong:
            return answer
        print("  " + (wrong or _("An answer is needed here.")))


def optional(question: str, default: str = "") -> str:
    """A line of text that may stay empty; a single - empties a default."""
    answer = _line(f"{question} [{default}]: ") or default
    return "" if answer == "-" else answer


def choice(question: str, choices: Sequence[tuple[T, str]], default: T) -> T:
    """One of ``(value, meaning)``, by its number or its value."""
    print(question)
    for number, (value, meaning) in enumerate(choices, start=1):
        mark = "*" if value == default else " "
        print(f" {mark}{number}  {value:<10} {meaning}")
    values = [value for value, _meaning in choices]
    while True:
        answer = _line(_("Number [{default}]: ").format(default=values.index(default) + 1))
        if not answer:
            return default
        if answer.isdecimal() and 1 <= int(answer) <= len(values):
            return values[int(answer) - 1]
        if named := [value for value in values if value == answer]:
            return named[0]
        print("  " + _("Please give one of the numbers."))


def yes(question: str, *, default: bool) -> bool:
    """Yes or no."""
    shown = _("Y/n") if default else _("y/N")
    answer = _line(f"{question} [{shown}]: ").lower()
    return default if not answer else answer[0] in {"y", "j", "是", "1"}


def hidden(question: str) -> str:
    """A secret; nothing of it is shown."""
    while True:
        try:
            answer = getpass.getpass(f"{question}: ").strip()
        except EOFError as error:
            raise OperatorError(_("The answers ended here; nothing was written.")) from error
        if answer:
            return answer
        print("  " + _("An answer is needed here."))


def _line(shown: str) -> str:
    try:
        return input(shown).strip()
    except EOFError as error:
        raise OperatorError(_("The answers ended here; nothing was written.")) from error
