"""Both engines keep the contract."""

from dataclasses import replace

from appliance.domain.ports import Engine
from appliance.engine.scripted import ScriptedEngine
from tests.contract.engine import PROMPT, SLOTS, EngineContract, limited
from tests.fakes import FakeClock
from tests.real_model import CONTEXT, real_engine

HOUR = 3600.0


class TestScriptedEngine(EngineContract):
    endless = PROMPT

    def new_engine(self) -> Engine:
        return ScriptedEngine(clock=FakeClock(), context=CONTEXT, slots=SLOTS)

    def slow_engine(self) -> Engine:
        return ScriptedEngine(
            clock=FakeClock(), context=CONTEXT, slots=SLOTS, seconds_per_reply=HOUR
        )


class TestLlamaEngine(EngineContract):
    endless = limited(
        replace(PROMPT, body="Write a very long story about a bicycle. " * 40), CONTEXT - 450
    )

    def new_engine(self) -> Engine:
        return real_engine(slots=SLOTS)

    def slow_engine(self) -> Engine:
        return self.new_engine()
