"""What the slots put into each step, what they share, and what an abort or a failure leaves."""

from collections.abc import Sequence
from concurrent.futures import CancelledError, Future

import pytest

from appliance.domain.draft import Completion, Prompt, Sampling
from appliance.domain.errors import EnginePaused, GenerationFailed, ModelUnusable
from appliance.domain.mail import Tokens
from appliance.engine.context import BATCH_TOKENS, Outcome, Part
from appliance.engine.requests import Request
from appliance.engine.slots import Slots
from appliance.engine.template import Tokenized
from tests.fakes import FakeClock

END = 0
REPLY = "Nine o'clock."


class Paper:
    """Sequences on paper: every prompt is answered with ``REPLY``, whatever it says."""

    def __init__(self, *, whole_only: bool = False) -> None:
        self.whole_only = whole_only
        self.cells: dict[int, list[int]] = {}
        self.outcomes: list[Outcome] = []
        self.steps: list[tuple[Part, ...]] = []
        self.choosers = 0
        self.broken = False

    def step(self, parts: Sequence[Part]) -> Outcome:
        assert sum(len(part.tokens) for part in parts) <= BATCH_TOKENS
        outcome = self.outcomes.pop(0) if self.outcomes else Outcome.DONE
        self.steps.append(tuple(parts))
        for part in parts:
            cells = self.cells.setdefault(part.sequence, [])
            assert part.position == len(cells)
            # An aborted step leaves half of its work behind.
            kept = len(part.tokens) if outcome is Outcome.DONE else len(part.tokens) // 2
            cells.extend(part.tokens[:kept])
        return outcome

    def copy(self, source: int, target: int) -> None:
        assert not self.cells.get(target)
        self.cells[target] = list(self.cells[source])

    def drop(self, sequence: int, start: int = 0) -> bool:
        if start and self.whole_only:
            return False
        del self.cells.get(sequence, [])[start:]
        return True

    def clear(self) -> None:
        self.cells.clear()

    def chooser(self, sampling: Sampling) -> "Pen":
        self.choosers += 1
        return Pen(self)

    def bytes_of(self, token: int) -> bytes:
        return bytes([token])

    def ends(self, token: int) -> bool:
        return token == END


class Pen:
    def __init__(self, paper: Paper) -> None:
        self._paper = paper
        self._rest = [*REPLY.encode(), END]

    def choose(self, row: int) -> int:
        rows = [part.choose for part in self._paper.steps[-1] for _ in part.tokens]
        assert rows[row]
        if self._paper.broken:
            raise ModelUnusable("No numbers.")
        token: int = self._rest.pop(0)
        return token

    def close(self) -> None:
        self._paper.choosers -= 1


class Desk:
    """Slots over paper, and what was asked of them."""

    def __init__(self, *, count: int = 2, whole_only: bool = False) -> None:
        self.paper = Paper(whole_only=whole_only)
        self.slots = Slots(sequences=self.paper, writer=self.paper, clock=FakeClock(), count=count)

    def admit(
        self, prefix: str, body: str, *, max_tokens: int = 100
    ) -> tuple[Request, Future[Completion]]:
        sampling = Sampling(max_tokens=Tokens(max_tokens))
        request = Request(
            prompt=Prompt(prefix=prefix, body=body, sampling=sampling), watch=None, future=Future()
        )
        tokens = tuple((prefix + body).encode())
        self.slots.admit(request, Tokenized(tokens=tokens, stable=len(prefix)))
        return request, request.future

    def finish(self) -> None:
        for _ in range(1000):
            self.slots.step()
        assert not self.slots.busy

    def sizes(self) -> list[list[int]]:
        return [[len(part.tokens) for part in parts] for parts in self.paper.steps]


def test_a_reply_is_written_and_its_slot_freed() -> None:
    desk = Desk()
    _, future = desk.admit("prefix ", "body")
    desk.finish()
    completion = future.result(0)
    assert (completion.text, completion.finish) == (REPLY, "stop")
    assert (completion.prompt_tokens, completion.cached_tokens) == (11, 0)
    assert completion.tokens == len(REPLY)
    assert desk.paper.choosers == 0
    assert {number for number, cells in desk.paper.cells.items() if cells} == {0}


def test_the_prefix_is_read_once_and_shared() -> None:
    desk = Desk()
    desk.admit("prefix ", "one")
    desk.finish()
    steps = len(desk.paper.steps)
    _, future = desk.admit("prefix ", "another")
    desk.finish()
    assert future.result(0).cached_tokens == len("prefix ")
    assert desk.sizes()[steps] == [len("another")]


def test_another_prefix_replaces_the_one_in_memory() -> None:
    desk = Desk()
    cached = []
    for prefix in ("one ", "two ", "two ", "one "):
        _, future = desk.admit(prefix, "body")
        desk.finish()
        cached.append(future.result(0).cached_tokens)
    assert cached == [0, 0, 4, 0]
    assert bytes(desk.paper.cells[0]) == b"one "


def test_nobody_is_admitted_while_a_prefix_is_being_read() -> None:
    desk = Desk()
    was_open = [desk.slots.open]
    desk.admit("prefix ", "one")
    was_open.append(desk.slots.open)
    desk.slots.step()
    was_open.append(desk.slots.open)
    desk.admit("prefix ", "two")
    was_open.append(desk.slots.open)
    assert was_open == [True, False, True, False]


def test_a_step_carries_one_token_of_each_writer_and_pieces_of_prompts() -> None:
    desk = Desk()
    desk.admit("prefix ", "one")
    desk.slots.step()
    desk.slots.step()
    desk.admit("prefix ", "x" * BATCH_TOKENS)
    desk.slots.step()
    assert desk.sizes()[-1] == [1, BATCH_TOKENS - 1]
    desk.slots.step()
    assert desk.sizes()[-1] == [1, 1]


def test_a_long_prompt_is_read_in_pieces_as_large_as_a_step() -> None:
    desk = Desk()
    desk.admit("p" * 700, "b" * 600)
    for _ in range(4):
        desk.slots.step()
    assert desk.sizes() == [[512], [188], [512], [88]]


def test_a_cancelled_request_frees_its_slot_before_the_next_step() -> None:
    desk = Desk(count=1)
    _, future = desk.admit("prefix ", "one")
    desk.slots.step()
    desk.slots.step()
    assert future.cancel()
    desk.slots.step()
    assert not desk.slots.busy
    assert desk.paper.choosers == 0
    assert len(desk.paper.steps) == 2


@pytest.mark.parametrize("whole_only", [False, True])
@pytest.mark.parametrize("at", range(6))
def test_an_aborted_step_is_done_again_and_changes_nothing(at: int, whole_only: bool) -> None:
    desk = Desk(whole_only=whole_only)
    _, one = desk.admit("prefix ", "one")
    desk.slots.step()
    _, two = desk.admit("prefix ", "two " * 200)
    desk.paper.outcomes = [Outcome.DONE] * at + [Outcome.ABORTED]
    desk.finish()
    assert one.result(0).text == two.result(0).text == REPLY


def test_a_failed_step_fails_what_runs_and_forgets_the_prefix() -> None:
    desk = Desk()
    _, one = desk.admit("prefix ", "one")
    desk.slots.step()
    _, two = desk.admit("prefix ", "two")
    desk.paper.outcomes = [Outcome.FAILED]
    desk.slots.step()
    for future in (one, two):
        # Not EnginePaused: that is tried again uncounted, and this mail may be the reason.
        with pytest.raises(GenerationFailed, match="could not compute"):
            future.result(0)
    assert not desk.paper.cells
    assert desk.paper.choosers == 0
    _, after = desk.admit("prefix ", "three")
    desk.finish()
    assert (after.result(0).text, after.result(0).cached_tokens) == (REPLY, 0)


def test_a_model_that_computes_no_numbers_fails_the_request() -> None:
    desk = Desk()
    desk.paper.broken = True
    _, future = desk.admit("prefix ", "one")
    desk.finish()
    with pytest.raises(ModelUnusable):
        future.result(0)


def test_the_limit_ends_a_reply() -> None:
    desk = Desk()
    _, future = desk.admit("prefix ", "one", max_tokens=4)
    desk.finish()
    assert (future.result(0).text, future.result(0).finish) == ("Nine", "length")


def test_ending_fails_what_runs_but_not_what_was_cancelled() -> None:
    desk = Desk()
    _, one = desk.admit("prefix ", "one")
    desk.slots.step()
    _, two = desk.admit("prefix ", "two")
    one.cancel()
    desk.slots.end(EnginePaused("The engine is closed."))
    with pytest.raises(CancelledError):
        one.result(0)
    with pytest.raises(EnginePaused):
        two.result(0)
    assert not desk.slots.busy
