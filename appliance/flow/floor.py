"""What every thread of the flow works with."""

from dataclasses import dataclass

from appliance.domain.ports import Clock, JobStore
from appliance.flow.desk import Desks
from appliance.flow.health import Health
from appliance.flow.runner import Runner
from appliance.flow.switches import Switches


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """Built once by the daemon and handed to the clerk, the drafter, review and status."""

    store: JobStore
    desks: Desks
    runner: Runner
    switches: Switches
    health: Health
    clock: Clock
