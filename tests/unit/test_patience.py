from datetime import timedelta

from appliance.config.settings import FlowSettings
from appliance.flow.retry import backoff, patience

SETTINGS = FlowSettings(retry_seconds=30, retry_max_seconds=600)


def test_the_wait_after_a_failure_doubles_up_to_its_limit() -> None:
    waits = [backoff(attempts, SETTINGS).total_seconds() for attempts in range(8)]
    assert waits == [30, 30, 60, 120, 240, 480, 600, 600]


def test_a_huge_number_of_attempts_does_not_overflow() -> None:
    assert backoff(10**6, SETTINGS) == timedelta(seconds=600)


def test_an_outage_is_waited_out_ever_longer() -> None:
    waited = timedelta()
    waits = []
    for _ in range(6):
        wait = patience(waited, SETTINGS)
        waits.append(wait.total_seconds())
        waited += wait
    assert waits == [30, 30, 60, 120, 240, 480]
    assert patience(timedelta(days=7), SETTINGS) == timedelta(seconds=600)
