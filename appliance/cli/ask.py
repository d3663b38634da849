"""Questions in a terminal: each with its default, asked again until the answer can be used."""

import getpass
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from appliance.cli.words import words as _
from appliance.domain.errors import OperatorError

T = TypeVar("T", bound=str)

_MEANT: Final = (
    (frozenset({"y", "yes", "j", "ja", "1", "是", "好", "对"}), True),
    (frozenset({"n", "no", "nein", "0", "否", "不", "不是"}), False),
)


def text(question: str, default: str = "", *, right: Callable[[str], str] | None = None) -> str:
    """A line of text; Enter takes the default.

    Args:
        question: what is asked.
        default: shown in brackets; empty: an answer is needed.
        right: returns what is wrong with an answer, or nothing.
    """
    shown = _bracketed(question, default)
    while True:
        answer = _line(shown) or default
        wrong = right(answer) if answer and right is not None else ""
        if answer and not wrong:
            return answer
        print("  " + (wrong or _("An answer is needed here.")))


def optional(question: str, default: str = "", *, right: Callable[[str], str] | None = None) -> str:
    """A line of text that may stay empty; a single - empties a default; ``right`` as in text."""
    shown = _bracketed(question, default)
    while True:
        answer = _line(shown) or default
        if answer in {"", "-"}:
            return ""
        wrong = right(answer) if right is not None else ""
        if not wrong:
            return answer
        print("  " + wrong)


def choice(question: str, choices: Sequence[tuple[T, str]], default: T) -> T:
    """One of ``(value, meaning)``, by its number or its value."""
    print(question)
    values = [value for value, _meaning in choices]
    widest = max(map(len, values))
    for number, (value, meaning) in enumerate(choices, start=1):
        mark = "*" if value == default else " "
        print(f" {mark}{number}  {value:<{widest}}  {meaning}".rstrip())
    while True:
        answer = _line(_("Number [{default}]: ").format(default=values.index(default) + 1))
        if not answer:
            return default
        if named := [value for value in values if value.lower() == answer.lower()]:
            return named[0]
        if answer.isdecimal() and 1 <= int(answer) <= len(values):
            return values[int(answer) - 1]
        print("  " + _("Please give one of the numbers."))


def yes(question: str, *, default: bool) -> bool:
    """Yes or no."""
    shown = _("Y/n") if default else _("y/N")
    while True:
        answer = _line(f"{question} [{shown}]: ").lower()
        if not answer:
            return default
        for words, meant in _MEANT:
            if answer in words:
                return meant
        print("  " + _("Please answer y or n."))


def hidden(question: str, *, kept: bool = False) -> str:
    """A secret; nothing of it is shown. With ``kept`` it may stay empty."""
    while True:
        try:
            answer = getpass.getpass(f"{question}: ").strip()
        except EOFError as error:
            raise OperatorError(_("The answers ended here; nothing was written.")) from error
        if answer or kept:
            return answer
        print("  " + _("An answer is needed here."))


def _bracketed(question: str, default: str) -> str:
    return f"{question} [{default}]: " if default else f"{question}: "


def _line(shown: str) -> str:
    try:
        return input(shown).strip()
    except EOFError as error:
        raise OperatorError(_("The answers ended here; nothing was written.")) from error
