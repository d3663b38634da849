"""Which sensor is the processor's."""

from collections import namedtuple

from appliance.host.readings import processor_celsius

Sensor = namedtuple("Sensor", "current")  # noqa: PYI024 - as psutil gives them


def test_the_boards_own_sensor_comes_before_any_other() -> None:
    sensors = {"coretemp": [Sensor(90.0)], "cpu_thermal": [Sensor(55.5)], "nvme": [Sensor(70.0)]}
    assert processor_celsius(sensors) == 55.5


def test_of_several_readings_the_hottest_counts() -> None:
    assert processor_celsius({"coretemp": [Sensor(41.0), Sensor(62.0), Sensor(50.0)]}) == 62.0


def test_a_board_without_such_a_sensor_has_no_temperature() -> None:
    assert processor_celsius({"nvme": [Sensor(70.0)], "cpu_thermal": []}) is None
    assert processor_celsius({"cpu_thermal": [Sensor(None)]}) is None
