"""The in-memory job store and the one on SQLite keep one contract."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.domain.ports import JobStore
from appliance.store.jobs import SqliteJobStore
from tests.contract.job_store import STOPPING, JobStoreContract
from tests.contract.job_store_facts import JobStoreFactsContract
from tests.contract.job_store_lists import JobStoreListsContract
from tests.fakes import FakeClock, MemoryJobStore


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


class TestMemoryJobStore(JobStoreContract, JobStoreListsContract, JobStoreFactsContract):
    @pytest.fixture
    def store(self, clock: FakeClock) -> JobStore:
        return MemoryJobStore(clock, stopping=STOPPING)


class TestSqliteJobStore(JobStoreContract, JobStoreListsContract, JobStoreFactsContract):
    @pytest.fixture
    def store(self, clock: FakeClock, tmp_path: Path) -> Iterator[JobStore]:
        store = SqliteJobStore.open(tmp_path / "state", clock, stopping=STOPPING)
        yield store
        assert list(store.check()) == []
        store.close()
