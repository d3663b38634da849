"""How long to wait before the next try."""

from datetime import timedelta

from appliance.config.settings import FlowSettings


def backoff(attempts: int, settings: FlowSettings) -> timedelta:
    """The wait after ``attempts`` failures (≥ 1): doubling, bounded by ``retry_max_seconds``."""
    doublings = min(max(attempts - 1, 0), 30)
    return timedelta(seconds=min(settings.retry_seconds * 2**doublings, settings.retry_max_seconds))


def patience(waited: timedelta, settings: FlowSettings) -> timedelta:
    """The wait where only time helps: as long again as the job has waited in its state already.

    That doubles like ``backoff`` without counting tries, so an outage of a week parks nothing.
    """
    seconds = max(waited.total_seconds(), settings.retry_seconds)
    return timedelta(seconds=min(seconds, settings.retry_max_seconds))
