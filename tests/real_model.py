"""Where the small real model of the demo lies, and an engine over it."""

import os
import time
from datetime import UTC, datetime
from pathlib import Path

from appliance.config.settings import EngineSettings
from appliance.engine.llama import LlamaEngine

CONTEXT = 1024


class RealClock:
    """The machine's own time."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def steady(self) -> float:
        return time.monotonic()


def model_file() -> Path:
    """The unpacked model file; ``scripts/demo`` and ``scripts/test`` put it there."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = cache / "appliance" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    assert path.is_file(), f"{path.name} is missing: scripts/demo brings it"
    return path


def real_engine(*, slots: int = 1, context: int = CONTEXT) -> LlamaEngine:
    """A new engine over the real model; one thread, so that other work does not slow it down."""
    settings = EngineSettings(
        model=model_file(), context=context, slots=slots, threads=1, prefill_threads=1
    )
    return LlamaEngine.load(settings, clock=RealClock())
