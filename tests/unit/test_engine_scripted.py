"""The rehearsal engine answers in the language of the mail and stays cheap."""

from datetime import timedelta

import pytest

from appliance.domain.draft import Prompt, Sampling
from appliance.domain.mail import Tokens
from appliance.engine.scripted import ScriptedEngine, canned_reply
from tests.fakes import FakeClock

PATIENCE = 30.0
NOTHING_LEFT = timedelta(0)


@pytest.mark.parametrize(
    ("body", "begin"),
    [
        ("你好\nWrite the reply in English.", "Thank you"),
        ("Hello\n请用简体中文写这封邮件的答复。\n", "感谢"),
        ("", "Thank you"),
    ],
)
def test_the_canned_reply_follows_the_last_line(body: str, begin: str) -> None:
    assert canned_reply(Prompt(prefix="", body=body)).startswith(begin)


def test_the_reply_is_what_the_rule_says() -> None:
    engine = ScriptedEngine(reply=lambda prompt: prompt.body.upper(), clock=FakeClock())
    completion = engine.submit(Prompt(prefix="", body="九点 open")).result(PATIENCE)
    engine.close(NOTHING_LEFT)
    assert completion.text == "九点 OPEN"
    assert completion.tokens == engine.count("九点 open")


def test_what_the_rule_raises_is_what_the_future_raises() -> None:
    def broken(_prompt: Prompt) -> str:
        raise KeyError("no such reply")

    engine = ScriptedEngine(reply=broken, clock=FakeClock())
    with pytest.raises(KeyError, match="no such reply"):
        engine.submit(Prompt(prefix="", body="Hello")).result(PATIENCE)
    engine.close(NOTHING_LEFT)


def test_a_reply_may_take_exactly_its_limit() -> None:
    engine = ScriptedEngine(reply=lambda _: "一二三", clock=FakeClock())
    futures = {
        limit: engine.submit(
            Prompt(prefix="", body="", sampling=Sampling(max_tokens=Tokens(limit)))
        )
        for limit in (2, 3)
    }
    completions = {limit: future.result(PATIENCE) for limit, future in futures.items()}
    engine.close(NOTHING_LEFT)
    assert completions[2].text == "一二"
    assert completions[2].finish == "length"
    assert completions[3].text == "一二三"
