"""Readings of the machine the tests run on."""

import os
from pathlib import Path

from appliance.host.readings import read


def test_memory_disk_and_load_are_those_of_this_machine(tmp_path: Path) -> None:
    readings = read(tmp_path)
    disk = os.statvfs(tmp_path)
    assert readings.disk_total == disk.f_blocks * disk.f_frsize
    assert readings.disk_used is not None
    assert 0 < readings.disk_used <= readings.disk_total
    assert readings.memory_total == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert readings.memory_used is not None
    assert readings.own_memory is not None
    assert 0 < readings.own_memory < readings.memory_used < readings.memory_total
    assert readings.load is not None
    assert readings.cores == os.cpu_count()


def test_a_disk_that_is_gone_is_missing_and_not_guessed(tmp_path: Path) -> None:
    readings = read(tmp_path / "gone")
    assert (readings.disk_total, readings.disk_used, readings.disk_free) == (None, None, None)
    assert readings.memory_total is not None
