"""What the environment says about the service manager."""

import pytest

from appliance.host.service import Service


@pytest.mark.parametrize(
    ("environment", "interval"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "42"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "43"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_half_of_the_watchdogs_time_is_the_interval(
    environment: dict[str, str], interval: float | None
) -> None:
    assert Service.of(environment, 42).watchdog_interval() == interval


def test_without_a_service_manager_nothing_is_said_and_nothing_fails() -> None:
    service = Service.of({}, 42)
    service.ready("Works.")
    service.alive()
    service.stopping()
