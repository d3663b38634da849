"""Does a model fit: what it will take, and what the machine has left."""

import os
from pathlib import Path
from typing import Final

from appliance.domain.errors import ModelUnusable
from appliance.engine.gguf import Header

_MIB: Final = 1024 * 1024
_WORKSPACE_BYTES: Final = 192 * _MIB
_MEMINFO: Final = Path("/proc/meminfo")


def needed_bytes(header: Header, context: int) -> int:
    """Memory for weights, ``context`` tokens of keys and values in f16, and room to compute."""
    return header.size + header.kv_bytes_per_token() * context + _WORKSPACE_BYTES


def available_bytes(meminfo: Path = _MEMINFO) -> int:
    """What the kernel can give without swapping (MemAvailable), or all there is if unknown."""
    try:
        lines = meminfo.read_text("ascii").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key == "MemAvailable":
            return int(value.split()[0]) * 1024
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def must_fit(header: Header, context: int, available: int) -> None:
    """Refuse what would not fit.

    Raises:
        ModelUnusable: weights and ``context`` tokens take more than ``available`` bytes.
    """
    needed = needed_bytes(header, context)
    if needed <= available:
        return
    room = available - needed_bytes(header, 0)
    if room <= 0:
        advice = "Take a smaller model file or free memory."
    else:
        advice = (
            f"Lower engine.context times engine.slots from {context} "
            f"to {room // max(1, header.kv_bytes_per_token())} tokens, or free memory."
        )
    raise ModelUnusable(
        f"The engine needs {needed // _MIB} MiB of memory and {available // _MIB} MiB are free. "
        + advice
    )
