"""The datagrams a service manager receives."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.host.service import Service


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[socket.socket, str]]:
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    listener.settimeout(5)
    address = str(tmp_path / "notify")
    if request.param == "abstract":
        address = f"@appliance-test-{os.getpid()}"
        listener.bind("\0" + address[1:])
    else:
        listener.bind(address)
    with listener:
        yield listener, address


def test_each_word_is_one_datagram(manager: tuple[socket.socket, str]) -> None:
    listener, address = manager
    service = Service(address=address)
    service.ready("Answers 2 mailboxes.")
    service.status("模型\n已加载")
    service.alive()
    service.reloading(12.5)
    service.stopping("Bye.")
    service.stopping()
    assert [listener.recv(4096).decode() for _ in range(6)] == [
        "READY=1\nSTATUS=Answers 2 mailboxes.",
        "STATUS=模型 已加载",
        "WATCHDOG=1",
        "RELOADING=1\nMONOTONIC_USEC=12500000",
        "STOPPING=1\nSTATUS=Bye.",
        "STOPPING=1",
    ]


def test_a_manager_that_is_gone_is_complained_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    service = Service(address=str(tmp_path / "notify"))
    service.alive()
    service.alive()
    assert len(caplog.records) == 1
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        service.alive()
    service.alive()
    assert len(caplog.records) == 2
