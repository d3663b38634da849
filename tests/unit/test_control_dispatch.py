"""Roles, repeats and failures of the verbs, without a socket."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from appliance.control.access import GROUPS
from appliance.control.dispatch import Dispatch, Handler
from appliance.control.protocol import Caller, Failure, Request, Response, Role, line, read_response
from appliance.domain.errors import Conflict, DiskFull, EnginePaused, NotFound

Arguments = Mapping[str, object]


class Answers:
    """Kept answers in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    def answered(self, uuid: str) -> str | None:
        return self.kept.get(uuid)

    def remember(self, uuid: str, answer: str) -> None:
        self.kept[uuid] = answer


class FullDisk(Answers):
    def remember(self, uuid: str, answer: str) -> None:
        raise DiskFull("There is no room.")


def person(*roles: Role, uid: int = 1000) -> Caller:
    return Caller(uid=uid, gid=uid, pid=1, name="wang", roles=frozenset(roles))


ADMIN = person(*Role)


def ask(
    dispatch: Dispatch, caller: Caller, verb: str, uuid: str | None = None, **arguments: object
) -> Response:
    request = line(Request(id=uuid or str(uuid4()), verb=verb, arguments=arguments))
    return read_response(dispatch.answer(caller, request.rstrip(b"\n")))


def kind(response: Response) -> str:
    assert response.error is not None
    return response.error.kind


def serve(run: Callable[[Caller, Arguments], object], *, mutates: bool) -> Dispatch:
    handler = Handler(role=Role.VIEW, mutates=mutates, run=run)
    return Dispatch(handlers={"act": handler}, answers=Answers())


class Counter:
    """A command that counts how often it was carried out."""

    def __init__(self, role: Role = Role.REVIEW) -> None:
        self.runs = 0
        self.handler = Handler(role=role, mutates=True, run=self._run)

    def _run(self, caller: Caller, arguments: Arguments) -> object:
        self.runs += 1
        return {"run": self.runs, "who": caller.name, "id": arguments.get("id")}


@pytest.mark.parametrize("role", list(Role))
def test_a_caller_without_the_role_is_refused_and_told_which_group_may(role: Role) -> None:
    counter = Counter(role)
    dispatch = Dispatch(handlers={"act": counter.handler}, answers=Answers())
    lower = person(*(other for other in Role if other < role))
    response = ask(dispatch, lower, "act")
    assert response.error is not None
    assert response.error.kind == "NotAllowed"
    assert next(name for name, needed in GROUPS.items() if needed is role) in response.error.message
    assert counter.runs == 0
    assert ask(dispatch, person(role), "act").ok


def test_a_refused_caller_learns_nothing_from_a_kept_answer() -> None:
    counter = Counter(Role.ADMIN)
    dispatch = Dispatch(handlers={"act": counter.handler}, answers=Answers())
    uuid = str(uuid4())
    assert ask(dispatch, ADMIN, "act", uuid).ok
    assert kind(ask(dispatch, person(Role.VIEW), "act", uuid)) == "NotAllowed"


def test_a_repeated_command_is_carried_out_once_and_answered_alike() -> None:
    counter = Counter()
    dispatch = Dispatch(handlers={"act": counter.handler}, answers=Answers())
    uuid = str(uuid4())
    first = ask(dispatch, ADMIN, "act", uuid, id=3)
    second = ask(dispatch, ADMIN, "act", uuid, id=3)
    assert first == second
    assert first.result == {"run": 1, "who": "wang", "id": 3}
    assert counter.runs == 1


def test_a_repeat_after_a_restart_is_answered_from_what_was_kept() -> None:
    counter = Counter()
    answers = Answers()
    uuid = str(uuid4())
    ask(Dispatch(handlers={"act": counter.handler}, answers=answers), ADMIN, "act", uuid)
    response = ask(Dispatch(handlers={"act": counter.handler}, answers=answers), ADMIN, "act", uuid)
    assert response.result["run"] == 1
    assert counter.runs == 1


def test_the_same_uuid_with_another_command_is_a_conflict() -> None:
    counter = Counter()
    dispatch = Dispatch(handlers={"act": counter.handler}, answers=Answers())
    uuid = str(uuid4())
    ask(dispatch, ADMIN, "act", uuid, id=3)
    assert kind(ask(dispatch, ADMIN, "act", uuid, id=4)) == "Conflict"
    assert counter.runs == 1


def test_the_uuid_of_another_person_is_another_command() -> None:
    counter = Counter()
    dispatch = Dispatch(handlers={"act": counter.handler}, answers=Answers())
    uuid = str(uuid4())
    ask(dispatch, ADMIN, "act", uuid)
    assert ask(dispatch, person(*Role, uid=1001), "act", uuid).result["run"] == 2


def test_two_repeats_at_once_are_carried_out_once() -> None:
    begun, go_on = threading.Event(), threading.Event()
    runs: list[int] = []

    def slow(caller: Caller, arguments: Arguments) -> object:
        runs.append(caller.uid)
        begun.set()
        assert go_on.wait(10)
        return len(runs)

    dispatch = serve(slow, mutates=True)
    uuid = str(uuid4())
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(ask, dispatch, ADMIN, "act", uuid)
        assert begun.wait(10)
        others = [pool.submit(ask, dispatch, ADMIN, "act", uuid) for _ in range(6)]
        stranger = pool.submit(ask, dispatch, ADMIN, "act", uuid, other=True)
        assert kind(stranger.result(10)) == "Conflict"
        go_on.set()
        assert {first.result(10).result, *(other.result(10).result for other in others)} == {1}
    assert runs == [ADMIN.uid]


def test_a_command_that_failed_may_be_tried_again_with_the_same_uuid() -> None:
    outcomes: list[Exception | None] = [EnginePaused("Later."), None]

    def run(caller: Caller, arguments: Arguments) -> object:
        outcome = outcomes.pop(0)
        if outcome is not None:
            raise outcome
        return "done"

    dispatch = serve(run, mutates=True)
    uuid = str(uuid4())
    assert kind(ask(dispatch, ADMIN, "act", uuid)) == "EnginePaused"
    assert ask(dispatch, ADMIN, "act", uuid).result == "done"


def test_a_question_is_asked_anew_each_time() -> None:
    runs: list[int] = []
    handler = Handler(role=Role.VIEW, mutates=False, run=lambda caller, arguments: runs.append(1))
    answers = Answers()
    dispatch = Dispatch(handlers={"look": handler}, answers=answers)
    uuid = str(uuid4())
    ask(dispatch, ADMIN, "look", uuid)
    ask(dispatch, ADMIN, "look", uuid)
    assert len(runs) == 2
    assert answers.kept == {}


def test_an_answer_that_could_not_be_kept_is_given_all_the_same(
    caplog: pytest.LogCaptureFixture,
) -> None:
    counter = Counter()
    dispatch = Dispatch(handlers={"act": counter.handler}, answers=FullDisk())
    assert ask(dispatch, ADMIN, "act").result["run"] == 1
    assert "DiskFull" in caplog.text


@pytest.mark.parametrize("mutates", [True, False])
def test_a_mistake_in_a_handler_is_an_internal_error_that_quotes_nothing(
    mutates: bool, caplog: pytest.LogCaptureFixture
) -> None:
    def run(caller: Caller, arguments: Arguments) -> object:
        raise ValueError(f"customer text {arguments}")

    dispatch = serve(run, mutates=mutates)
    with caplog.at_level(logging.DEBUG):
        response = ask(dispatch, ADMIN, "act", text="secret")
    assert kind(response) == "InternalError"
    assert "customer" not in str(response.error)
    assert "ValueError" in caplog.text
    assert "test_control_dispatch.py" in caplog.text
    assert "secret" not in caplog.text
    assert "customer" not in caplog.text


def test_errors_of_the_domain_arrive_with_kind_and_sentence() -> None:
    def run(caller: Caller, arguments: Arguments) -> object:
        raise NotFound("There is no such mail.")

    dispatch = serve(run, mutates=False)
    response = ask(dispatch, ADMIN, "act")
    assert response.error == Failure(kind="NotFound", message="There is no such mail.")


def test_an_unknown_verb_is_not_found() -> None:
    response = ask(Dispatch(handlers={}, answers=Answers()), ADMIN, "mail.explode")
    assert kind(response) == "NotFound"


def test_a_result_that_json_cannot_carry_is_an_internal_error() -> None:
    response = ask(serve(lambda caller, arguments: object(), mutates=False), ADMIN, "act")
    assert kind(response) == "InternalError"


def test_a_result_beyond_the_limit_is_refused() -> None:
    response = ask(serve(lambda caller, arguments: "x" * (16 << 20), mutates=False), ADMIN, "act")
    assert kind(response) == Conflict.__name__


def test_garbage_is_answered_with_a_bad_request() -> None:
    dispatch = Dispatch(handlers={}, answers=Answers())
    answer = json.loads(dispatch.answer(ADMIN, b"garbage"))
    assert answer["ok"] is False
    assert answer["error"]["kind"] == "BadRequest"
