"""What every engine keeps, the canned one and llama.cpp alike."""

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, wait
from dataclasses import replace
from datetime import timedelta
from threading import Event

import pytest

from appliance.domain.draft import Completion, Prompt, Sampling
from appliance.domain.errors import EnginePaused, ThreadTooLong
from appliance.domain.mail import Tokens
from appliance.domain.ports import Engine

PATIENCE = 120.0
SLOTS = 2

PROMPT = Prompt(
    prefix="You answer the mail of the bicycle shop Northgate. The shop is open from 9 to 5.",
    body="Dear shop,\nwhen are you open? Please write more than one sentence.\nYours, Ann",
    sampling=Sampling(temperature=0.0, max_tokens=Tokens(24)),
)


def limited(prompt: Prompt, tokens: int) -> Prompt:
    return replace(prompt, sampling=replace(prompt.sampling, max_tokens=Tokens(tokens)))


def answer(engine: Engine, prompt: Prompt = PROMPT) -> Completion:
    return engine.submit(prompt).result(PATIENCE)


class EngineContract:
    """Subclasses say how to make an engine with ``SLOTS`` slots.

    ``slow_engine()`` needs far longer for ``endless`` than a test takes.
    """

    endless: Prompt

    @pytest.fixture
    def make(self) -> Iterator[Callable[[], Engine]]:
        """Makes engines and closes them after the test."""
        made: list[Engine] = []

        def one() -> Engine:
            made.append(self.new_engine())
            return made[-1]

        yield one
        for engine in made:
            engine.close(timedelta(0))

    @pytest.fixture
    def engine(self, make: Callable[[], Engine]) -> Engine:
        return make()

    def new_engine(self) -> Engine:
        raise NotImplementedError

    def slow_engine(self) -> Engine:
        raise NotImplementedError

    def test_it_says_what_it_is_and_holds(self, engine: Engine) -> None:
        assert engine.name
        assert engine.slots == SLOTS
        assert engine.context >= 512

    def test_no_text_has_no_tokens_and_more_text_has_more(self, engine: Engine) -> None:
        counts = [engine.count(text) for text in ("", "open", "open today", "您几点开门？" * 3)]
        assert counts[0] == 0
        assert counts == sorted(set(counts))

    def test_a_completion_states_its_figures(self, engine: Engine) -> None:
        completion = answer(engine)
        assert completion.text
        texts = engine.count(PROMPT.prefix) + engine.count(PROMPT.body)
        assert completion.prompt_tokens >= texts
        assert 0 < completion.tokens <= 24
        assert completion.prefill_seconds >= 0
        assert completion.decode_seconds >= 0

    def test_greedy_completions_of_one_prompt_are_the_same(self, engine: Engine) -> None:
        assert answer(engine).text == answer(engine).text

    def test_who_watches_sees_exactly_the_text(self, engine: Engine) -> None:
        pieces: list[str] = []
        completion = engine.submit(PROMPT, pieces.append).result(PATIENCE)
        assert "".join(pieces) == completion.text
        assert len(pieces) > 1
        assert all(pieces)

    def test_the_limit_cuts_a_completion_off(self, engine: Engine) -> None:
        completion = answer(engine, limited(PROMPT, 3))
        assert completion.finish == "length"
        assert completion.tokens == 3

    def test_a_stop_string_ends_the_text_and_nobody_sees_it(self, engine: Engine) -> None:
        text = answer(engine).text
        stop = text[len(text) // 2 :][:6]
        pieces: list[str] = []
        prompt = replace(PROMPT, sampling=replace(PROMPT.sampling, stop=(stop,)))
        completion = engine.submit(prompt, pieces.append).result(PATIENCE)
        assert completion.finish == "stop"
        assert completion.text == text[: text.index(stop)]
        assert "".join(pieces) == completion.text

    def test_the_prefix_of_the_last_mail_is_not_read_again(self, engine: Engine) -> None:
        first = answer(engine)
        second = answer(engine, replace(PROMPT, body="Dear shop,\ndo you sell lamps?"))
        other = answer(engine, replace(PROMPT, prefix="You answer the mail of a library."))
        assert first.cached_tokens == 0
        assert engine.count(PROMPT.prefix) <= second.cached_tokens < second.prompt_tokens
        assert other.cached_tokens == 0

    def test_what_does_not_fit_is_refused_and_the_next_is_answered(self, engine: Engine) -> None:
        long = replace(PROMPT, body="many words " * engine.context)
        with pytest.raises(ThreadTooLong):
            answer(engine, long)
        with pytest.raises(ThreadTooLong):
            answer(engine, limited(PROMPT, engine.context))
        assert answer(engine).text

    def test_more_prompts_than_slots_are_all_answered(self, engine: Engine) -> None:
        futures = [engine.submit(limited(PROMPT, 6)) for _ in range(3 * SLOTS)]
        assert not wait(futures, PATIENCE).not_done
        assert all(future.result().text for future in futures)

    def test_a_completion_can_be_cancelled_while_it_is_written(self, engine: Engine) -> None:
        submitted = Event()
        seen: list[str] = []

        def watch(piece: str) -> None:
            assert submitted.wait(PATIENCE)
            seen.append(piece)
            assert future.cancel()

        future = engine.submit(PROMPT, watch)
        submitted.set()
        with pytest.raises(CancelledError):
            future.result(PATIENCE)
        assert answer(engine).text
        assert len(seen) == 1

    def test_a_prompt_cancelled_before_its_turn_is_never_written(self, engine: Engine) -> None:
        cancelled = Event()
        seen: list[str] = []

        def hold_up(_piece: str) -> None:
            assert cancelled.wait(PATIENCE)

        running = [engine.submit(limited(PROMPT, 6), hold_up) for _ in range(SLOTS)]
        waiting = engine.submit(limited(PROMPT, 6), seen.append)
        assert waiting.cancel()
        cancelled.set()
        assert all(future.result(PATIENCE).text for future in running)
        assert answer(engine).text
        assert not seen

    def test_what_is_done_cannot_be_cancelled(self, engine: Engine) -> None:
        future = engine.submit(limited(PROMPT, 3))
        future.result(PATIENCE)
        assert not future.cancel()

    def test_a_watcher_that_fails_spoils_its_own_completion_only(self, engine: Engine) -> None:
        def watch(_piece: str) -> None:
            raise RuntimeError("The screen is gone.")

        future = engine.submit(PROMPT, watch)
        beside = engine.submit(PROMPT)
        with pytest.raises(RuntimeError, match="The screen is gone"):
            future.result(PATIENCE)
        assert beside.result(PATIENCE).text

    def test_closing_lets_a_running_completion_end(self, make: Callable[[], Engine]) -> None:
        engine = make()
        begun: Future[None] = Future()

        def watch(_piece: str) -> None:
            if not begun.done():
                begun.set_result(None)

        future = engine.submit(PROMPT, watch)
        begun.result(PATIENCE)
        engine.close(timedelta(seconds=PATIENCE))
        assert future.result(0).text

    def test_closing_ends_what_takes_too_long(self) -> None:
        engine = self.slow_engine()
        futures = [engine.submit(self.endless) for _ in range(SLOTS + 1)]
        engine.close(timedelta(0))
        for future in futures:
            with pytest.raises((EnginePaused, CancelledError)):
                future.result(0)

    def test_a_closed_engine_takes_nothing(self, make: Callable[[], Engine]) -> None:
        engine = make()
        engine.close(timedelta(0))
        engine.close(timedelta(0))
        with pytest.raises(EnginePaused):
            engine.submit(PROMPT).result(0)
