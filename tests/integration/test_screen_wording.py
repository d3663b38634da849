"""What customers write: questions that may be answered, and matters that a person must see.

The sentences are ours, in the manner of service mail; the rules were widened where they missed some,
so they show what is found and say nothing about how much of the unseen would be.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.screen_cases import CLEAN, SERVER, case, found, mail, route

SENTENCES = Path(__file__).parents[1] / "mail" / "screen"


def _lines(name: str) -> list[str]:
    return (SENTENCES / name).read_text(encoding="utf-8").splitlines()


def _held() -> Iterator[tuple[str, str]]:
    rule = ""
    for line in _lines("held.txt"):
        if line.startswith("["):
            rule = line.strip("[]")
        elif line:
            yield rule, line


@pytest.mark.parametrize("text", _lines("answerable.txt"))
def test_a_question_that_the_knowledge_folder_may_answer_is_let_through(text: str) -> None:
    assert found(case(mail(text))) == {}


@pytest.mark.parametrize(("rule", "text"), list(_held()))
def test_a_matter_for_a_person_is_held(rule: str, text: str) -> None:
    judged = case(mail(text))
    assert route(judged) == "hold"
    assert rule == "any rule" or rule in found(judged)


@pytest.mark.parametrize("text", _lines("advertising.txt"))
@pytest.mark.parametrize("dmarc", ["pass", "none"])
def test_an_advertisement_is_never_answered(text: str, dmarc: str) -> None:
    headers = (CLEAN[0], ("authentication-results", f"{SERVER}; dmarc={dmarc}"))
    judged = case(mail(text, headers=headers))
    assert {"advertisement", "likely_advertisement"} & set(found(judged))
    assert route(judged) != "answer"
