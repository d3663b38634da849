"""Bytes of tokens become whole characters, and nothing of a stop string is ever shown."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from appliance.engine.stream import TextStream


def streamed(pieces: list[bytes], *stop: str) -> tuple[str, list[str], bool]:
    """The text, what was watched, and whether a stop string ended it."""
    watched: list[str] = []
    stream = TextStream(stop, watched.append)
    for piece in pieces:
        if stream.feed(piece):
            break
    return stream.finish(), watched, stream.stopped


def cut(text: str, width: int) -> list[bytes]:
    content = text.encode()
    return [content[at : at + width] for at in range(0, len(content), width)]


def test_a_chinese_character_split_over_tokens_is_shown_whole() -> None:
    text, watched, _ = streamed(cut("您好，九点开门。", 2))
    assert text == "您好，九点开门。"
    assert watched == list(text)


def test_half_a_character_at_the_end_is_dropped() -> None:
    assert streamed(["好".encode(), "好".encode()[:2]])[0] == "好"


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert streamed([b"a\xffb"])[0] == "a\ufffdb"


@pytest.mark.parametrize("width", range(1, 12))
def test_a_stop_string_split_over_tokens_is_not_shown(width: int) -> None:
    text, watched, stopped = streamed(cut("We open at nine.\n--\nQuoted", width), "\n--\n")
    assert (text, "".join(watched), stopped) == ("We open at nine.", "We open at nine.", True)


def test_what_only_began_like_a_stop_string_is_shown_in_the_end() -> None:
    text, watched, stopped = streamed([b"a <", b"e", b"n"], "<end>")
    assert (text, watched, stopped) == ("a <en", ["a ", "<en"], False)


def test_what_turned_out_to_be_no_stop_string_is_shown_at_once() -> None:
    assert streamed([b"<", b"e", b"x>"], "<end>")[1] == ["<ex>"]


def test_the_earliest_of_several_stop_strings_counts() -> None:
    assert streamed([b"one two three"], "three", "two")[0] == "one "


def test_an_empty_stop_string_stops_nothing() -> None:
    assert streamed([b"text"], "") == ("text", ["text"], False)


@settings(deadline=None)
@given(
    text=st.text(alphabet="ab好\n", max_size=30),
    stop=st.lists(st.text(alphabet="ab好", min_size=1, max_size=4), max_size=3),
    width=st.integers(1, 7),
)
def test_cutting_into_tokens_changes_nothing(text: str, stop: list[str], width: int) -> None:
    shown, watched, _ = streamed(cut(text, width), *stop)
    assert "".join(watched) == shown
    assert text.startswith(shown)
    assert not any(end in shown for end in stop)
    if not any(end in text for end in stop):
        assert shown == text
