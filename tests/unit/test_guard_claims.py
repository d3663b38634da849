from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.guard.claim import Kind
from appliance.guard.claims import claims
from appliance.guard.evidence import same, stated
from appliance.guard.fold import folded
from appliance.guard.numerals import chinese

WEDNESDAY = date(2026, 11, 4)


def said(text: str) -> list[tuple[str, tuple[str, ...], str]]:
    """Kind, value and unit of every claim that is one by itself."""
    return [
        (str(claim.kind), claim.value, claim.unit)
        for claim in claims(text, WEDNESDAY)
        if not claim.weak
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("七天", "7天"),
        ("7天", "seven days"),
        ("a fortnight", "14 days"),
        ("two weeks", "14 Tage"),
        ("zwei Jahre", "24 Monate"),
        ("半年", "6个月"),
        ("24小时", "one full day"),
        ("three quarters of an hour", "45 minutes"),
        ("1,299元", "1299元"),
        ("￥1,299", "1299元"),
        ("一千二百九十九元", "１，２９９元"),
        ("1.299,00 €", "€1,299"),
        ("154,90 €", "EUR 154.90"),
        ("four thousand pounds", "£4,000"),
        ("vierhundert Pfund", "£400"),
        ("quatre-vingt-dix euros", "90 €"),
        ("百分之五", "5%"),
        ("sixty per cent", "60 %"),
        ("九二折", "9.2折"),
        ("5.30pm", "17:30"),
        ("half past five", "17:30"),
        ("quarter to six in the evening", "17:45"),
        ("halb sechs", "17:30"),
        ("晚上八点半", "20:30"),
        ("下午三点一刻", "15:15"),
        ("at noon", "12:00"),
        ("12 am", "0:00"),
        ("六月五日", "6月5日"),
        ("11月30日", "2026年11月30日"),
        ("30 November 2026", "2026-11-30"),
        ("30. November", "30/11/2026"),
        ("Nov 30, 2026", "30 November"),
        ("der 6. November", "6. 11."),
        ("后天", "11月6日"),
        ("tomorrow", "5 November"),
        ("周六", "Saturday"),
        ("0571-5550-1234", "+86 571 5550 1234"),
        ("0113 496 0120", "+44 113 4960120"),
        ("https://www.qinghe.example.com/repair", "qinghe.example.com/repair/"),
        ("Service@Qinghe.example.com", "service@qinghe.example.com"),
        ("NG-204418", "ng204418"),
    ],
)
def test_two_spellings_of_one_thing_are_the_same_claim(one: str, other: str) -> None:
    first = list(claims(one, WEDNESDAY))
    second = list(claims(other, WEDNESDAY))
    assert any(same(a, b) for a in first for b in second), (first, second)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("7天", "7个月"),
        ("£9", "€9"),
        ("9.2折", "9.5折"),
        ("5.30pm", "5:30"),
        ("11月30日", "11月3日"),
        ("30 November 2026", "30 November 2027"),
        ("周六", "周日"),
        ("2.10 m", "2.6 m"),
        ("0113 496 0120", "0113 496 0134"),
        ("https://northgate.example.com/track", "https://northgate.example.com/tracking"),
    ],
)
def test_two_things_are_two_claims(one: str, other: str) -> None:
    pairs = [(a, b) for a in claims(one, WEDNESDAY) for b in claims(other, WEDNESDAY)]
    assert pairs
    assert not any(same(a, b) for a, b in pairs)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("30–60 %", [("percentage", ("30",), "%"), ("percentage", ("60",), "%")]),
        (
            "sieben bis zwölf Tage",
            [("duration", ("10080",), "min"), ("duration", ("17280",), "min")],
        ),
        ("£100 to £4,000", [("amount", ("100",), "GBP"), ("amount", ("4000",), "GBP")]),
        ("from 145 cm", [("number", ("145",), "m")]),
        ("2027年", [("number", ("2027",), "")]),
        ("E3", [("code", ("e3",), "")]),
    ],
)
def test_a_range_shares_its_unit(
    text: str, expected: list[tuple[str, tuple[str, ...], str]]
) -> None:
    assert said(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "1) Bring it in.\n2) Wait.",
        "一、可以退货。\n二、请带发票。",
        "有一点小问题，请早一点来。",
        "In one go.",
    ],
)
def test_list_marks_and_small_words_state_nothing(text: str) -> None:
    assert said(text) == []


def test_a_time_at_the_end_of_a_list_item_is_no_date() -> None:
    assert said("1. We close at 19:30.\n2. No.") == [("time", ("1170",), "")]


@pytest.mark.parametrize(
    ("evidence", "claim"),
    [
        ("25 to 28 December 2026: closed", "27 December"),
        ("2月6日至2月8日休息", "2月7日"),
        ("29 and 30 December 2026", "29 December"),
        ("Monday to Friday 10:00-17:00", "Wednesday"),
        ("周一至周五 9:30–20:00", "周三"),
        ("closed on 28 December 2026", "Monday"),
        ("working days only", "Tuesday"),
        ("送货暂停至2月10日", "10日之前"),
    ],
)
def test_a_day_inside_a_stated_range_is_stated(evidence: str, claim: str) -> None:
    known = stated([(evidence, WEDNESDAY)], WEDNESDAY)
    assert all(known.supports(item) for item in claims(claim, WEDNESDAY))


@pytest.mark.parametrize(
    ("word", "value"),
    [
        ("十", 10),
        ("二十一", 21),
        ("一百零五", 105),
        ("两千", 2000),
        ("三万五千", 35000),
        ("二〇二六", 2026),
    ],
)
def test_chinese_numerals_have_their_value(word: str, value: int) -> None:
    assert chinese(word) == value


def test_a_number_of_any_length_is_read() -> None:
    assert claims("一" * 9000 + " " + "9" * 9000)


@settings(max_examples=200, deadline=None)
@given(
    st.text(
        alphabet=st.sampled_from("0123456789.,:-/ \n年月日点半两三十元€£%apm周六天hBis@QЖİß\u0130"),
        max_size=60,
    )
)
def test_any_text_is_read_and_every_span_lies_within_it(text: str) -> None:
    for claim in claims(text, WEDNESDAY):
        begin, end = claim.span
        assert 0 <= begin < end <= len(text)
        assert isinstance(claim.kind, Kind)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=80))
def test_folding_moves_no_character(text: str) -> None:
    assert len(folded(text)) == len(text)
