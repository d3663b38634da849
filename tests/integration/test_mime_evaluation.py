"""What is left of the evaluation mails is what their writers asked."""

import json
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from appliance.domain.mail import Message
from appliance.mailbox import mime

EVALUATION: Final = Path(__file__).parents[1] / "evaluation"
BAR: Final = 0.92


def folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split())


def mails() -> Iterator[tuple[dict[str, Any], Message]]:
    for gold in sorted(EVALUATION.glob("*/dev/gold.jsonl")):
        for line in gold.read_text(encoding="utf-8").splitlines():
            expected = json.loads(line)
            raw = (gold.parent / "mails" / expected["mail"]).read_bytes()
            yield expected, mime.read(raw, mailbox="north", uid=expected["mail"])


def test_the_question_is_what_the_gold_says() -> None:
    rated = [
        folded(message.question)
        in (folded(gold["question"]), folded(gold["question"] + (gold.get("tail") or "")))
        for gold, message in mails()
        if gold["route"] != "skip"
    ]
    assert len(rated) == 74
    assert sum(rated) / len(rated) >= BAR


def test_only_mails_that_hide_something_are_told_to_do_so() -> None:
    told = {
        gold["kind"]
        for gold, message in mails()
        if message.hidden or {"template_token", "zero_width", "bidi"} & set(message.oddities)
    }
    assert told == {"injection"}
    assert sum(1 for _, message in mails() if message.hidden) == 3


def test_every_evaluation_mail_has_a_sender_an_id_and_a_date() -> None:
    for gold, message in mails():
        assert message.sender.address, gold["mail"]
        assert message.date is not None, gold["mail"]
        assert message.id_given, gold["mail"]
