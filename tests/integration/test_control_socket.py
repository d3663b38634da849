"""Server and client through real unix sockets, with callers who behave and callers who do not."""

import os
import resource
import socket
import stat
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic, process_time
from typing import Self
from uuid import uuid4

import pytest

from appliance.control import access
from appliance.control.access import caller
from appliance.control.client import Client
from appliance.control.protocol import (
    REQUEST_LIMIT,
    Caller,
    Request,
    Response,
    Role,
    line,
    read_response,
)
from appliance.control.server import Handler, Limits, Server
from appliance.domain.errors import (
    AlreadyRunning,
    ApplianceError,
    ConfigError,
    Conflict,
    DaemonUnreachable,
    NotAllowed,
    NotFound,
)


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def steady(self) -> float:
        return monotonic()


class Answers:
    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def answered(self, uuid: str) -> str | None:
        return self.kept.get(uuid)

    def remember(self, uuid: str, answer: str) -> None:
        self.kept[uuid] = answer


class Board:
    """A server with a few verbs, and what they did."""

    def __init__(
        self,
        path: Path,
        *,
        limits: Limits | None = None,
        identify: Callable[[socket.socket], Caller] = caller,
    ) -> None:
        self.path = path
        self.approved: list[object] = []
        self.go_on = threading.Event()
        self.begun = threading.Event()
        handlers = {
            "echo": Handler(role=Role.VIEW, mutates=False, run=lambda who, said: dict(said)),
            "whoami": Handler(role=Role.VIEW, mutates=False, run=self._whoami),
            "approve": Handler(role=Role.REVIEW, mutates=True, run=self._approve),
            "configure": Handler(role=Role.ADMIN, mutates=True, run=lambda who, said: "done"),
            "missing": Handler(role=Role.VIEW, mutates=False, run=self._missing),
            "broken": Handler(role=Role.VIEW, mutates=False, run=lambda who, said: 1 // 0),
            "slow": Handler(role=Role.VIEW, mutates=False, run=self._slow),
            "large": Handler(role=Role.VIEW, mutates=False, run=lambda who, said: "x" * 8_000_000),
        }
        self.server = Server(
            path=path,
            handlers=handlers,
            answers=Answers(),
            clock=RealClock(),
            limits=limits or Limits(),
            identify=identify,
        )

    def _whoami(self, who: Caller, said: Mapping[str, object]) -> object:
        return {"uid": who.uid, "pid": who.pid, "name": who.name, "roles": sorted(who.roles)}

    def _approve(self, who: Caller, said: Mapping[str, object]) -> object:
        self.approved.append(said["id"])
        return len(self.approved)

    def _missing(self, who: Caller, said: Mapping[str, object]) -> object:
        raise NotFound("There is no such mail.")

    def _slow(self, who: Caller, said: Mapping[str, object]) -> object:
        self.begun.set()
        assert self.go_on.wait(10)
        return "slept"

    def __enter__(self) -> Self:
        self.server.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.go_on.set()
        self.server.stop()

    def client(self, timeout: float = 10.0) -> Client:
        return Client(self.path, timeout)

    def raw(self) -> socket.socket:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.settimeout(10)
        connection.connect(str(self.path))
        return connection


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with Board(tmp_path / "run" / "control.sock") as board:
        yield board


def read_line(connection: socket.socket) -> bytes:
    received = b""
    while not received.endswith(b"\n"):
        chunk = connection.recv(65_536)
        if not chunk:
            break
        received += chunk
    return received


def refused(answer: bytes) -> str:
    error = read_response(answer).error
    assert error is not None
    return error.kind


def request(verb: str, uuid: str | None = None, **arguments: object) -> bytes:
    return line(Request(id=uuid or str(uuid4()), verb=verb, arguments=arguments))


def test_a_call_comes_back_with_what_the_handler_returned(board: Board) -> None:
    assert board.client().call("echo", text="您好", count=3) == {"text": "您好", "count": 3}


def test_an_argument_may_be_called_verb(board: Board) -> None:
    assert board.client().call("echo", verb="approve") == {"verb": "approve"}


def test_the_kernel_says_who_is_calling(board: Board) -> None:
    told = board.client().call("whoami")
    assert told["uid"] == os.getuid()
    assert told["pid"] == os.getpid()
    assert told["roles"] == [1, 2, 3]


@pytest.mark.parametrize(
    ("group", "allowed"),
    [
        ("users", []),
        ("appliance-view", ["echo"]),
        ("appliance-review", ["echo", "approve"]),
        ("appliance-admin", ["echo", "approve", "configure"]),
    ],
)
def test_groups_decide_what_a_caller_may_do(tmp_path: Path, group: str, allowed: list[str]) -> None:
    identify = partial(
        caller,
        membership=lambda uid, gid: ("li", frozenset({group})),
        trusted=frozenset(),
    )
    with Board(tmp_path / "control.sock", identify=identify) as board:
        done = []
        for verb in ("echo", "approve", "configure"):
            with suppress(NotAllowed):
                board.client().call(verb, id=1)
                done.append(verb)
        assert done == allowed


def test_a_refused_caller_is_named_and_told_whom_to_ask(tmp_path: Path) -> None:
    identify = partial(caller, membership=lambda uid, gid: ("li", frozenset()), trusted=frozenset())
    with (
        Board(tmp_path / "control.sock", identify=identify) as board,
        pytest.raises(NotAllowed, match="li may not do this; members of the group appliance-view"),
    ):
        board.client().call("echo")


def test_the_groups_of_a_user_come_from_the_user_database() -> None:
    name, groups = access.membership(0, 0)
    assert name == "root"
    assert "root" in groups


def test_a_user_nobody_knows_has_a_number_for_a_name_and_no_groups() -> None:
    assert access.membership(4_000_000, 4_000_000) == ("4000000", frozenset())


def test_errors_of_the_domain_are_raised_at_the_other_end(board: Board) -> None:
    with pytest.raises(NotFound, match="no such mail"):
        board.client().call("missing")


def test_a_broken_handler_does_not_end_the_server(board: Board) -> None:
    with pytest.raises(ApplianceError, match="internal error"):
        board.client().call("broken")
    assert board.client().call("echo") == {}


def test_garbage_and_half_lines_do_not_end_the_server(board: Board) -> None:
    with board.raw() as connection:
        connection.sendall(b"\x00\xff garbage\n")
        assert refused(read_line(connection)) == "BadRequest"
        connection.sendall(request("echo"))
        assert read_response(read_line(connection)).ok
    with board.raw() as connection:
        connection.sendall(request("approve", id=1)[:-10])
    assert board.client().call("echo") == {}
    assert board.approved == []


def test_a_line_that_comes_in_pieces_is_one_request(board: Board) -> None:
    with board.raw() as connection:
        for byte in request("echo", a=1):
            connection.sendall(bytes([byte]))
        assert read_response(read_line(connection)).result == {"a": 1}


def test_requests_sent_in_one_go_are_answered_in_order(board: Board) -> None:
    with board.raw() as connection:
        connection.sendall(b"".join(request("echo", number=number) for number in range(20)))
        connection.shutdown(socket.SHUT_WR)
        stream = connection.makefile("rb")
        answers = [read_response(stream.readline()).result["number"] for _ in range(20)]
        assert answers == list(range(20))


@pytest.mark.parametrize("newline", [b"", b"\n"])
def test_a_huge_line_is_refused(board: Board, newline: bytes) -> None:
    with board.raw() as connection:
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(b"x" * (REQUEST_LIMIT + 100_000) + newline)
        answer = read_line(connection)
    assert refused(answer) == "BadRequest"
    assert board.client().call("echo") == {}


def test_the_client_refuses_to_send_a_huge_request(board: Board) -> None:
    with pytest.raises(Conflict, match="too long"):
        board.client().call("approve", id="x" * REQUEST_LIMIT)
    assert board.approved == []


def test_a_large_answer_arrives_whole(board: Board) -> None:
    assert len(board.client().call("large")) == 8_000_000


def test_a_hundred_silent_callers_keep_nobody_waiting(board: Board) -> None:
    silent = [board.raw() for _ in range(100)]
    try:
        for connection in silent[::2]:
            connection.sendall(b'{"id": ')
        begun = monotonic()
        assert board.client().call("echo") == {}
        assert monotonic() - begun < 5
    finally:
        for connection in silent:
            connection.close()


def test_a_hundred_callers_at_once_are_all_answered(board: Board) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = pool.map(lambda number: board.client(30).call("echo", n=number), range(100))
        assert [answer["n"] for answer in answers] == list(range(100))


def test_beyond_the_limit_the_longest_silent_caller_makes_room(tmp_path: Path) -> None:
    with Board(tmp_path / "control.sock", limits=Limits(connections=3)) as board:
        silent = [board.raw() for _ in range(3)]
        assert board.client().call("echo") == {}
        assert silent[0].recv(1) == b""
        silent[2].sendall(request("echo"))
        assert read_response(read_line(silent[2])).ok
        for connection in silent:
            connection.close()


def test_where_everybody_is_being_answered_one_more_is_sent_away(tmp_path: Path) -> None:
    with (
        Board(tmp_path / "control.sock", limits=Limits(connections=1)) as board,
        ThreadPoolExecutor(1) as pool,
    ):
        slow = pool.submit(board.client().call, "slow")
        assert board.begun.wait(10)
        with pytest.raises(DaemonUnreachable, match="try again"):
            board.client().call("echo")
        board.go_on.set()
        assert slow.result(10) == "slept"


def test_a_silent_caller_is_closed_after_its_time(tmp_path: Path) -> None:
    with Board(tmp_path / "control.sock", limits=Limits(idle_seconds=0.2)) as board:
        with board.raw() as connection:
            connection.sendall(b'{"half')
            assert connection.recv(1) == b""
        assert board.client().call("echo") == {}


def test_a_caller_who_does_not_read_is_given_up(tmp_path: Path) -> None:
    limits = Limits(workers=1, write_seconds=0.2)
    with Board(tmp_path / "control.sock", limits=limits) as board, board.raw() as deaf:
        deaf.sendall(request("large"))
        assert board.client().call("echo") == {}


def test_a_caller_who_hangs_up_does_not_hurt(board: Board) -> None:
    for _ in range(20):
        with board.raw() as connection:
            connection.sendall(request("large"))
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    assert board.client().call("echo") == {}


def test_a_command_repeated_over_the_socket_is_carried_out_once(board: Board) -> None:
    uuid = str(uuid4())
    answers = []
    for _ in range(3):
        with board.raw() as connection:
            connection.sendall(request("approve", uuid, id=5))
            answers.append(read_response(read_line(connection)).result)
    assert answers == [1, 1, 1]
    assert board.approved == [5]


def test_a_call_that_broke_is_made_again_with_the_same_uuid(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    seen: list[bytes] = []

    def answer_the_second() -> None:
        for attempt in range(2):
            connection, _ = listener.accept()
            with connection:
                asked = read_line(connection)
                seen.append(asked)
                if attempt:
                    connection.sendall(line(Response(id="x", ok=True, result="done")))

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=answer_the_second)
        thread.start()
        assert Client(path, 10).call("approve", id=1) == "done"
        thread.join(10)
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [(b"", "broke off"), (b"HTTP/1.1 400 Bad Request\r\n", "no appliance daemon")],
)
def test_whoever_answers_wrongly_is_called_unreachable(
    tmp_path: Path, said: bytes, sentence: str
) -> None:
    path = tmp_path / "control.sock"

    def answer() -> None:
        for _ in range(2):
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                read_line(connection)
                connection.sendall(said)

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        listener.listen()
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        with pytest.raises(DaemonUnreachable, match=sentence):
            Client(path, 10).call("status")


def test_where_nobody_listens_the_client_says_how_to_start_the_daemon(tmp_path: Path) -> None:
    with pytest.raises(DaemonUnreachable) as caught:
        Client(tmp_path / "control.sock", 1).call("status")
    assert "appliance serve" in str(caught.value)
    assert "systemctl start appliance" in str(caught.value)


def test_a_daemon_that_takes_too_long_is_named(board: Board) -> None:
    with pytest.raises(DaemonUnreachable, match="within"):
        board.client(0.2).call("slow")


def test_the_socket_is_for_its_user_and_group_alone(board: Board) -> None:
    assert stat.S_IMODE(board.path.stat().st_mode) == 0o660
    assert [entry.name for entry in board.path.parent.iterdir()] == ["control.sock"]


def test_a_stale_socket_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as dead:
        dead.bind(str(path))
    with Board(path) as board:
        assert board.client().call("echo") == {}


def test_a_socket_on_which_somebody_answers_is_left_alone(board: Board) -> None:
    other = Board(board.path)
    with pytest.raises(AlreadyRunning):
        other.server.start()
    other.server.stop()
    assert board.client().call("echo") == {}


def test_a_file_in_place_of_the_socket_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.sock"
    path.write_text("letters")
    with pytest.raises(ConfigError, match="no socket"):
        Board(path).server.start()
    assert path.read_text() == "letters"


@pytest.mark.parametrize("name", ["x" * 200, "file/control.sock"])
def test_a_path_that_cannot_be_a_socket_is_a_configuration_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="socket: "):
        Board(tmp_path / name).server.start()


def test_stopping_removes_the_socket_and_is_prompt_also_with_callers_connected(
    tmp_path: Path,
) -> None:
    board = Board(tmp_path / "control.sock")
    with board:
        silent = board.raw()
        deaf = board.raw()
        deaf.sendall(request("large"))
        assert board.client().call("echo") == {}
        begun = monotonic()
        board.server.stop()
        assert monotonic() - begun < 5
    assert not board.path.exists()
    assert silent.recv(1) == b""
    silent.close()
    deaf.close()


def test_an_answer_in_the_making_is_finished_before_the_end(tmp_path: Path) -> None:
    with Board(tmp_path / "control.sock") as board, ThreadPoolExecutor(1) as pool:
        slow = pool.submit(board.client().call, "slow")
        assert board.begun.wait(10)
        threading.Timer(0.2, board.go_on.set).start()
        board.server.stop()
        assert slow.result(10) == "slept"


def test_an_old_server_leaves_the_socket_of_its_successor_alone(tmp_path: Path) -> None:
    old = Board(tmp_path / "control.sock")
    with old:
        old.path.unlink()
        with Board(old.path) as successor:
            old.server.stop()
            assert successor.client().call("echo") == {}


def test_where_no_descriptor_is_left_silent_callers_make_room(board: Board) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    used = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (used + 20, hard))
    held: list[socket.socket] = []
    try:
        with suppress(OSError):
            while True:
                held.append(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM))
        for caller_end in held[:6]:
            caller_end.settimeout(10)
            caller_end.connect(str(board.path))
        # A descriptor is free for the first only when the others are closed.
        held.pop().close()
        held[5].sendall(request("echo"))
        assert read_response(read_line(held[5])).ok
    finally:
        for connection in held:
            connection.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert board.client().call("echo") == {}


def test_an_idle_server_uses_no_processor_time(board: Board) -> None:
    with board.raw():
        before = process_time()
        threading.Event().wait(1)
        assert process_time() - before < 0.05
