from datetime import date
from typing import Any

import pytest

from appliance.config.settings import Office
from appliance.domain.draft import Passage
from appliance.domain.mail import Address, Thread
from appliance.domain.verdict import Disposition, Finding
from appliance.guard import gate
from appliance.prompt.build import prefix
from appliance.screen.language import detect
from tests import factories

EN = "Hello Ida,\n\n{}\n"
ZH = "Ida 您好：\n\n{}\n"
PASSAGES = (
    Passage(
        source="returns.md#Returns",
        text="You may return goods within 14 days. Return shipping costs 4.90 EUR. "
        "退货须在7天内办理，运费每件1,299元封顶。Opening hours: 9:00 to 17:30. "
        "周六营业时间为9:00至17:30。Telephone 0113 496 0182. Details: https://northgate.example/returns",
    ),
)


def office(**changes: Any) -> Office:
    values: dict[str, Any] = {
        "name": "Northgate",
        "addresses": (Address("office@northgate.example"),),
        "signature": "Northgate",
    }
    return Office(**(values | changes))


def judged(
    text: str, language: str = "en", question: str = "", **changes: Any
) -> tuple[Finding, ...]:
    """What the guard finds in ``text`` as a reply to Ida."""
    asked = question or "Hello,\n\nI would like to return a lamp.\n\nIda Sample"
    message = factories.message(
        sender=factories.correspondent("ida@customers.example", "Ida Sample"),
        subject="Return",
        text=asked,
        question=asked,
    )
    draft = factories.draft(
        text=text,
        language=language,
        passages=changes.pop("passages", PASSAGES),
        completion=changes.pop("completion", factories.completion(text)),
    )
    kept = changes.pop("office", office())
    return gate.judge(
        draft=draft,
        thread=Thread(messages=(message,)),
        office=kept,
        prefix=prefix(kept),
        detect=detect,
    ).findings


def rules(text: str, language: str = "en", **changes: Any) -> set[str]:
    return {finding.rule for finding in judged(text, language, **changes)}


@pytest.mark.parametrize(
    ("text", "language"),
    [
        (EN.format("You may return it within 14 days; return shipping costs 4.90 EUR."), "en"),
        (EN.format("You may return it within two weeks. We are open until 5.30 pm."), "en"),
        (EN.format("We are open from nine to half past five."), "en"),
        (EN.format("Please call 0113 496 0182 or see https://northgate.example/returns."), "en"),
        (EN.format("If the lamp is faulty, a colleague will check it and write back."), "en"),
        (ZH.format("退货须在七天内办理，运费最高1299元。"), "zh-Hans"),
        (ZH.format("周六的营业时间是上午九点到下午五点半。"), "zh-Hans"),
        ("Guten Tag Ida,\n\nSie können die Lampe innerhalb von 14 Tagen zurückgeben.\n", "de"),
    ],
)
def test_a_grounded_draft_is_left_alone(text: str, language: str) -> None:
    assert rules(text, language) == set()


@pytest.mark.parametrize(
    ("text", "language", "rule"),
    [
        ("", "en", "empty"),
        ("   \n", "zh-Hans", "empty"),
        (EN.format("<think>The customer wants</think> You may return it."), "en", "think_tag"),
        (EN.format("You may return it.<|im_end|>"), "en", "template_token"),
        (EN.format("You may return it.\n\n## Steps\n\n**Pack** the lamp well."), "en", "markdown"),
        (EN.format("Dear [Name], you may return it."), "en", "placeholder"),
        (ZH.format("【姓名】您好，可以退货。"), "zh-Hans", "placeholder"),
        (EN.format("You may return it. " * 12), "en", "repetition"),
        (ZH.format("退货须在7天内办理。"), "en", "wrong_language"),
        (
            EN.format("You may return it within fourteen days of purchase."),
            "zh-Hans",
            "wrong_language",
        ),
        (ZH.format("退貨須在7天內辦理，運費請參閱說明。"), "zh-Hans", "wrong_script"),
        (EN.format("You may return it within 30 days."), "en", "unsupported_number"),
        (EN.format("Return shipping costs 9.90 EUR."), "en", "unsupported_amount"),
        (ZH.format("退货运费为88元。"), "zh-Hans", "unsupported_amount"),
        (EN.format("We will be closed on 24 December 2026."), "en", "unsupported_date"),
        (EN.format("Please call 0800 555 0199."), "en", "unsupported_contact"),
        (EN.format("Write to boss@elsewhere.example please."), "en", "unsupported_contact"),
        (EN.format("We guarantee that the lamp will be repaired."), "en", "promise"),
        (ZH.format("我们保证为您全额退款。"), "zh-Hans", "promise"),
        ("Guten Tag Ida,\n\nwir erstatten Ihnen den Kaufpreis.\n", "de", "promise"),
    ],
)
def test_a_planted_defect_is_found(text: str, language: str, rule: str) -> None:
    found = rules(text, language)
    assert rule in found or (rule.startswith("unsupported") and "contradicts_evidence" in found)


def test_a_draft_that_was_cut_off_by_the_limit_is_found() -> None:
    cut = factories.completion("You may return it within", finish="length")
    assert "cut_off" in rules(EN.format("You may return it within"), completion=cut)


def test_the_instructions_never_leave() -> None:
    kept = office()
    leaked = judged(EN.format(prefix(kept)), office=kept)
    assert any(finding.rule in {"prompt_leak", "secret_leak"} for finding in leaked)
    assert max(finding.disposition for finding in leaked) is Disposition.HOLD


def test_a_plain_numbered_list_is_no_markdown() -> None:
    text = EN.format("1. Pack the lamp.\n2. Bring it to us.\n3. We look at it.")
    assert "markdown" not in rules(text)


def test_conditional_politeness_promises_nothing() -> None:
    text = EN.format("If you wish, a colleague could look into whether a refund is possible.")
    assert "promise" not in rules(text)


def test_what_the_customer_said_may_be_repeated() -> None:
    question = "Hello,\n\nmy order NG-207731 of 6 November cost 79.50 EUR. Can I return it?\n\nIda"
    text = EN.format("Thank you for writing about order NG-207731 for 79.50 EUR.")
    assert not {"unsupported_number", "unsupported_amount"} & rules(text, question=question)


def test_a_span_points_at_the_words() -> None:
    text = EN.format("Return shipping costs 9.90 EUR.")
    spans = [
        text[slice(*f.span)] for f in judged(text) if f.span and "9.90" in text[slice(*f.span)]
    ]
    assert spans


def test_an_office_may_be_stricter_but_never_lets_a_secret_out() -> None:
    strict = office(rules={"promise": "hold"})
    promise = [
        f for f in judged(EN.format("We guarantee a refund."), office=strict) if f.rule == "promise"
    ]
    assert promise
    assert promise[0].disposition is Disposition.HOLD
    lenient = office(rules={"empty": "pass"})
    assert judged("", office=lenient)[0].disposition is Disposition.HOLD


def test_every_finding_has_a_known_rule_and_a_reason() -> None:
    found = judged(EN.format("We guarantee 500 EUR on 1 May 2031, call 0800 555 0199! " * 3))
    assert found
    assert {finding.rule for finding in found} <= gate.RULES
    assert all(finding.reason.endswith(".") for finding in found)


@pytest.mark.parametrize(
    "bait", ["1 ", "2026-", "a@", "九百", "**", "(", "we will ", "保证", "1.", ",9"]
)
def test_a_hostile_draft_is_judged_to_its_end(bait: str) -> None:
    assert isinstance(judged(bait * 3000), tuple)


def test_a_weekday_is_checked_against_the_mails_date() -> None:
    assert date(2026, 3, 2).weekday() == 0
    wrong = EN.format("That is Friday, 2 March 2026.")
    question = "Hello,\n\ndo you open on 2 March 2026?\n\nIda"
    assert "unsupported_date" in rules(wrong, question=question)
    right = EN.format("That is Monday, 2 March 2026.")
    assert "unsupported_date" not in rules(right, question=question)
