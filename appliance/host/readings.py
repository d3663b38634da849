"""What the board's sensors say now; what is missing is None, never a guess."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeVar

import psutil

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """One look at the board.

    Attributes:
        cpu_celsius: temperature of the processor.
        clock_megahertz: its clock now, and ``clock_max_megahertz`` at best.
        memory_total, memory_used: bytes of the board; used is what cannot be freed at once.
        own_memory: bytes of this process that lie in memory (RSS), the engine's included.
        disk_total, disk_used, disk_free: bytes of the file system with the state directory; free is
            what this user may still write.
        load: processes that want to run, mean of one minute.
        cores: logical processors.
    """

    cpu_celsius: float | None = None
    clock_megahertz: float | None = None
    clock_max_megahertz: float | None = None
    memory_total: int | None = None
    memory_used: int | None = None
    own_memory: int | None = None
    disk_total: int | None = None
    disk_used: int | None = None
    disk_free: int | None = None
    load: float | None = None
    cores: int | None = None


class Temperature(Protocol):
    """One sensor of psutil."""

    @property
    def current(self) -> float | None: ...


CPU_SENSORS: Final = (
    "cpu_thermal",
    "cpu-thermal",
    "soc_thermal",
    "coretemp",
    "k10temp",
    "zenpower",
)
"""Names that kernels give the processor's sensor, the board's own first."""


def read(state: Path) -> Readings:
    """Ask every sensor once; ``state`` names the disk. Raises nothing."""
    clock = _asked(psutil.cpu_freq)
    memory = _asked(psutil.virtual_memory)
    disk = _asked(lambda: psutil.disk_usage(str(state)))
    load = _asked(psutil.getloadavg)
    temperatures = _asked(psutil.sensors_temperatures)
    return Readings(
        cpu_celsius=processor_celsius(temperatures or {}),
        clock_megahertz=(clock.current or None) if clock else None,
        clock_max_megahertz=(clock.max or None) if clock else None,
        memory_total=memory.total if memory else None,
        memory_used=memory.total - memory.available if memory else None,
        own_memory=_asked(lambda: psutil.Process().memory_info().rss),
        disk_total=disk.total if disk else None,
        disk_used=disk.used if disk else None,
        disk_free=disk.free if disk else None,
        load=load[0] if load else None,
        cores=psutil.cpu_count(),
    )


def processor_celsius(sensors: Mapping[str, Sequence[Temperature]]) -> float | None:
    """The hottest reading of the processor among sensors by name; None: it has none."""
    for name in CPU_SENSORS:
        values = [entry.current for entry in sensors.get(name, ()) if entry.current is not None]
        if values:
            return max(values)
    return None


def _asked(sensor: Callable[[], T]) -> T | None:
    """Its answer, or None where this board has no such sensor."""
    try:
        return sensor()
    except (OSError, AttributeError, NotImplementedError, RuntimeError, psutil.Error):
        return None
