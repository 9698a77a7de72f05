from __future__ import annotations

import pytest
from grpclib import Status

from wiki_embeddings_tests.standins.modal.conftest import TOY_SECRETS, write_toy_app
from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.fixtures import use_plane
from wiki_embeddings_tests.standins.modal.options import Options


@pytest.mark.parametrize("after", [False, True])
def test_the_client_retries_a_call_that_fails_once(toy_plane, after):
    from modal import Function

    fault = toy_plane.faults.fail("FunctionMap", after=after)
    before = len(toy_plane.stats.inputs("double"))

    assert Function.from_name("toy", "double").remote(2) == 4

    assert fault.hits == 1
    assert len(toy_plane.stats.inputs("double")) == before + 1


def test_a_call_that_keeps_failing_is_an_error(toy_plane):
    from modal import Function
    from modal.exception import ServiceError

    fault = toy_plane.faults.fail("FunctionMap", times=10)

    with pytest.raises(ServiceError, match="ordered by a test"):
        Function.from_name("toy", "double").remote(2)
    assert 1 < fault.hits < 10


def test_a_status_that_clients_do_not_repeat_reaches_the_caller(toy_plane):
    from modal import Function
    from modal.exception import PermissionDeniedError

    fault = toy_plane.faults.fail("FunctionGet", status=Status.PERMISSION_DENIED)

    with pytest.raises(PermissionDeniedError):
        Function.from_name("toy", "double").hydrate()
    assert fault.hits == 1


@pytest.mark.parametrize("after", [False, True])
def test_containers_retry_calls_that_fail(toy_plane, after):
    from modal import Function

    faults = [
        toy_plane.faults.fail(rpc, after=after, from_container=True)
        for rpc in ("FunctionGetInputs", "FunctionPutOutputs")
    ]
    call = Function.from_name("toy", "double").experimental_spawn_map(range(5))

    assert list(call.iter()) == [0, 2, 4, 6, 8]
    assert [fault.hits for fault in faults] == [1, 1]
    outcomes = [
        item.outcomes for item in toy_plane.stats.inputs() if item.call.id == call.object_id
    ]
    assert [len(results) for results in outcomes] == [1] * 5


def test_any_rpc_of_clients_alone_can_be_made_to_fail(toy_plane):
    from modal import Function

    fault = toy_plane.faults.fail(times=2, from_container=False)
    assert Function.from_name("toy", "double").remote(3) == 6
    assert fault.hits == 2


def test_a_container_can_be_killed_by_its_nth_input(toy_plane):
    from modal import Function

    double = Function.from_name("toy", "double").with_options(max_containers=1)
    fault = toy_plane.faults.kill_on_input(2, function="double")

    assert list(double.experimental_spawn_map(range(4)).iter()) == [0, 2, 4, 6]

    (killed,) = fault.killed
    (victim,) = [c for c in toy_plane.containers if c.task_id == killed]
    assert (victim.exit_code, len(victim.taken)) == (-9, 2)


def test_a_container_can_be_killed_while_it_works(toy_plane, tmp_path):
    from modal import Function

    fault = toy_plane.faults.kill_on_input(1, delay_s=0.3, function="hold")
    call = Function.from_name("toy", "hold").spawn(str(tmp_path), "a")
    first = toy_plane.wait_until(lambda: toy_plane.stats.containers("hold"))[0]
    toy_plane.wait_until(lambda: first.ended)
    (tmp_path / "go").touch()

    assert call.get() == "a 1"
    assert (fault.killed, first.exit_code, len(first.taken)) == ([first.task_id], -9, 1)


def test_nothing_is_handed_out_while_scheduling_is_paused(toy_plane):
    from modal import Function

    double = Function.from_name("toy", "double")
    assert double.remote(1) == 2
    toy_plane.faults.pause_scheduling()
    call = double.spawn(5)
    with pytest.raises(TimeoutError):
        call.get(timeout=0.3)

    toy_plane.faults.resume_scheduling()
    assert call.get() == 10


def test_a_lost_answer_may_cost_a_second_call_where_the_server_forgets(tmp_path, monkeypatch):
    from modal import Function

    folder = tmp_path / "plane"
    folder.mkdir()
    options = Options(remembers_requests=False)
    with ControlPlane(folder, TOY_SECRETS, options) as plane, use_plane(plane, monkeypatch):
        plane.deploy("toy_app", cwd=write_toy_app(tmp_path / "source"))
        plane.faults.fail("FunctionMap", after=True)
        assert Function.from_name("toy", "double").remote(2) == 4
        assert len(plane.stats.inputs("double")) == 2
