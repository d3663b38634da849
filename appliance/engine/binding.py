"""The one door to llama.cpp: loads its C functions once per process and leads its log to ours."""

import ctypes
import importlib.util
import logging
import sys
from collections import deque
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any, Final

from appliance.domain.errors import ModelUnusable

log: Final = logging.getLogger(__name__)

_PACKAGE: Final = "llama_cpp"
_ERROR_LEVEL: Final = 4  # ggml.h: 1 debug, 2 info, 3 warning, 4 error, 5 continued
_KEPT_COMPLAINTS: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """llama.cpp's C functions.

    Attributes:
        api: the ctypes module; its functions release the interpreter lock while they run.
        complaints: the last error lines of llama.cpp, oldest first.
        log_callback: the hook llama.cpp calls; it has to live as long as the library.
        abort_callback: a C function for ``llama_set_abort_callback``: stop while the first byte at
            its argument is not zero.
    """

    api: Any
    complaints: deque[str]
    log_callback: Any
    abort_callback: Any


@cache
def binding() -> Binding:
    """The functions of llama.cpp; loaded once, as a shared library is.

    Raises:
        ModelUnusable: the package is not installed, or its library does not run on this machine.
    """
    try:
        api = _low_level()
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelUnusable(
            "llama.cpp cannot be loaded on this machine. Install llama-cpp-python again."
        ) from error
    complaints: deque[str] = deque(maxlen=_KEPT_COMPLAINTS)
    log_callback = api.llama_log_callback(_LogLines(complaints))
    api.llama_log_set(log_callback, ctypes.c_void_p(0))
    api.llama_backend_init()
    return Binding(
        api=api,
        complaints=complaints,
        log_callback=log_callback,
        abort_callback=_abort_callback(api),
    )


def _low_level() -> ModuleType:
    """The ctypes module of the package without the package's own ``__init__``.

    That one imports the high-level interface, and numpy, diskcache and more with it: 22 MB of
    memory and half a second that nothing here uses. An empty package stands in for it while the
    one module loads.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or spec.submodule_search_locations is None:
        raise ImportError(_PACKAGE)
    before = {name: module for name, module in sys.modules.items() if _belongs(name)}
    stand_in = ModuleType(_PACKAGE)
    stand_in.__path__ = list(spec.submodule_search_locations)
    sys.modules[_PACKAGE] = stand_in
    try:
        from llama_cpp import llama_cpp as low_level
    finally:
        for name in [name for name in sys.modules if _belongs(name)]:
            del sys.modules[name]
        sys.modules.update(before)
    return low_level


def _belongs(name: str) -> bool:
    return name.partition(".")[0] == _PACKAGE


def _abort_callback(api: ModuleType) -> Any:
    """``strlen`` as llama.cpp's ``bool (*)(void *)``: zero for an empty string, else one.

    llama.cpp asks before each of some thousand graph nodes of a step; a Python function would take
    the interpreter lock each time.
    """
    strlen = ctypes.CDLL(None).strlen
    return ctypes.cast(strlen, api.ggml_abort_callback)


class _LogLines:
    """Puts the pieces llama.cpp logs together to lines, each at DEBUG."""

    def __init__(self, complaints: deque[str]) -> None:
        self._complaints = complaints
        self._line = ""
        self._level = 0

    def __call__(self, level: int, text: bytes, _: Any) -> None:
        """One piece; level 5 continues the last."""
        if level <= _ERROR_LEVEL:
            self._level = level
        self._line += text.decode(errors="replace")
        if not self._line.endswith("\n"):
            return
        line = self._line.strip()
        self._line = ""
        if self._level == _ERROR_LEVEL:
            self._complaints.append(line)
        log.debug("%s", line)
