from hypothesis import given
from hypothesis import strategies as st

from appliance.knowledge.tokens import folded, passage_tokens, question_tokens


def test_chinese_becomes_characters_and_pairs_and_latin_stays_whole() -> None:
    assert list(passage_tokens("E3报错，QH-F03")) == ["e3", "报", "错", "报错", "qh", "f03"]
    assert list(passage_tokens("7天内")) == ["7", "天", "内", "天内"]


def test_traditional_chinese_matches_simplified() -> None:
    assert set(passage_tokens("保固與維修")) & set(passage_tokens("保修、维修")) >= {"维修", "维"}


def test_accents_case_width_and_thousands_commas_do_not_matter() -> None:
    assert folded("Größe ÉLAN Ｑ１") == "grosse elan q1"
    assert list(passage_tokens("1,299.00 元")) == ["1299", "00", "元"]
    assert list(passage_tokens("1,29")) == ["1", "29"]


def test_a_question_keeps_what_it_is_about_and_drops_what_every_question_has() -> None:
    assert list(question_tokens("Could you please tell me the deposit?")) == ["tell", "deposit"]
    assert list(question_tokens("请问押金吗")) == ["押", "金", "问押", "押金", "金吗"]
    assert list(question_tokens("你好，谢谢！")) == []


@given(st.text())
def test_tokens_hold_letters_and_digits_alone(text: str) -> None:
    # Rare Chinese characters may be newer than this Python's tables.
    assert all(
        sign.isalnum() or sign >= "\U00020000" for token in passage_tokens(text) for sign in token
    )
