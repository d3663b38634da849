"""How long to wait before the next try."""

from datetime import timedelta

from appliance.config.settings import FlowSettings


def backoff(attempts: int, settings: FlowSettings) -> timedelta:
    """The wait after ``attempts`` failures (≥ 1): doubling, bounded by ``retry_max_seconds``."""
    doublings = min(max(attempts - 1, 0), 30)
    return timedelta(
        seconds=min(settings.retry_seconds * 2**doublings, settings.retry_max_seconds)
    )
