"""Who works on which job now.

Leases live in memory, by the steady clock: one daemon owns the store, so they end with it, and a
board without a battery may set its clock by days after boot without a job being handed out twice.
"""

from datetime import timedelta

from appliance.domain.job import JobId
from appliance.domain.ports import Clock


class Leases:
    """The running leases; the caller sees to it that only one thread at a time takes one."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._ends: dict[JobId, float] = {}

    def take(self, job: JobId, length: timedelta) -> None:
        """Begin, or begin anew."""
        self._ends[job] = self._clock.steady() + length.total_seconds()

    def end(self, job: JobId) -> None:
        """End the lease, if there is one."""
        self._ends.pop(job, None)

    def held(self, job: JobId) -> bool:
        """Whether the job was handed out and has not come back, its time run out or not."""
        return job in self._ends

    def running(self) -> tuple[JobId, ...]:
        """The jobs somebody works on."""
        now = self._clock.steady()
        return tuple(job for job, end in tuple(self._ends.items()) if end > now)
