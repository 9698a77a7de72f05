from __future__ import annotations

import pytest

from wiki_embeddings_tests.standins.modal.conftest import begun


@pytest.mark.usefixtures("toy_plane")
def test_functions_and_classes_are_looked_up_by_name():
    from modal import Cls, Function, Secret, Volume
    from modal.exception import NotFoundError

    assert Function.from_name("toy", "double").remote(4) == 8
    said, _ = Cls.from_name("toy", "Greeter")(word="hi").greet.remote("you")
    assert said == "hi you"
    assert Secret.from_name("toy-secret").hydrate().object_id
    for missing in (
        Function.from_name("toy", "nothing"),
        Function.from_name("nothing", "double"),
        Cls.from_name("toy", "Nothing"),
        Secret.from_name("nothing"),
        Volume.from_name("nothing", version=2),
    ):
        with pytest.raises(NotFoundError):
            missing.hydrate()
    assert Volume.from_name("new", version=2, create_if_missing=True).hydrate().object_id


def test_a_spawned_map_is_one_call_with_many_inputs(toy_plane):
    from modal import Function, FunctionCall

    call = Function.from_name("toy", "double").experimental_spawn_map(range(60))

    again = FunctionCall.from_id(call.object_id)
    assert again.num_inputs() == 60
    assert again.get(index=7) == 14
    assert list(again.iter()) == [2 * number for number in range(60)]
    assert call.object_id not in toy_plane.stats.calls_in_progress()


def test_waiting_for_an_output_ends_when_the_time_is_up(toy_plane, tmp_path):
    from modal import Function

    call = Function.from_name("toy", "hold").experimental_spawn_map([str(tmp_path)] * 2, ["a", "b"])
    with pytest.raises(TimeoutError):
        call.get(timeout=0.1, index=1)
    assert call.object_id in toy_plane.stats.calls_in_progress()

    (tmp_path / "go").touch()
    assert call.get(timeout=60, index=1) == "b 1"


@pytest.mark.usefixtures("toy_plane")
def test_an_unknown_call_is_not_found():
    from modal import FunctionCall
    from modal.exception import NotFoundError

    with pytest.raises(NotFoundError):
        FunctionCall.from_id("fc-0123").get(timeout=1)


def test_spawned_inputs_are_retried_by_the_server(toy_plane, tmp_path):
    from modal import Function

    flaky = Function.from_name("toy", "flaky")
    call = flaky.experimental_spawn_map([str(tmp_path)] * 3, ["a", "b", "c"], [0, 2, 3])

    assert (call.get(index=0), call.get(index=1)) == (1, 3)
    with pytest.raises(ValueError, match="attempt 3 of c"):
        call.get(index=2)
    assert "FunctionRetryInputs" not in toy_plane.requests[-20:]


def test_mapped_inputs_are_retried_by_the_client(toy_plane, tmp_path):
    from modal import Function

    flaky = Function.from_name("toy", "flaky")
    names, failures = ["d", "e"], [0, 3]
    arguments = ([str(tmp_path)] * 2, names, failures)
    results = list(flaky.map(*arguments, order_outputs=False, return_exceptions=True))

    assert 1 in results
    (failure,) = [result for result in results if isinstance(result, Exception)]
    assert str(failure) == "attempt 3 of e"
    assert "FunctionRetryInputs" in toy_plane.requests


@pytest.mark.usefixtures("toy_plane")
def test_a_remote_call_is_retried_by_the_client(tmp_path):
    from modal import Function

    assert Function.from_name("toy", "flaky").remote(str(tmp_path), "f", 1) == 2


def test_large_payloads_travel_as_blobs(toy_plane):
    from modal import Function

    data = bytes(3 * 1024 * 1024)
    assert Function.from_name("toy", "echo").remote(data) == data

    sizes = [(p.kind, p.as_blob, len(p.data)) for p in toy_plane.stats.payloads() if p.as_blob]
    assert [kind for kind, _, _ in sizes] == ["input", "output"]
    assert min(size for _, _, size in sizes) > len(data)


def test_every_payload_is_on_record(toy_plane, tmp_path):
    from modal import Function

    flaky = Function.from_name("toy", "flaky")
    call = flaky.spawn(str(tmp_path), "g", 1)
    assert call.get() == 2

    payloads = [p for p in toy_plane.stats.payloads() if p.call_id == call.object_id]
    assert [(p.function, p.kind) for p in payloads] == [
        ("flaky", "input"),
        ("flaky", "output"),
        ("flaky", "output"),
    ]
    assert str(tmp_path).encode() in payloads[0].data
    assert b"ValueError" in payloads[1].data


def test_a_cancelled_call_gives_up_what_waits_and_what_runs(toy_plane, tmp_path):
    from modal import Function
    from modal.exception import RemoteError

    hold = Function.from_name("toy", "hold").with_options(max_containers=1)
    call = hold.experimental_spawn_map([str(tmp_path)] * 3, ["a", "b", "c"])
    toy_plane.wait_until(lambda: begun(tmp_path, "a"))

    call.cancel()

    for index in range(3):
        with pytest.raises(RemoteError):
            call.get(index=index)
    assert not begun(tmp_path, "b")
    (container,) = [c for c in toy_plane.containers if c.live.id == hold.object_id]
    (tmp_path / "go").touch()
    assert hold.remote(str(tmp_path), "d") == "d 1"
    assert (tmp_path / "d.begun").read_text().strip() == container.task_id


def test_cancelling_with_containers_ends_them_and_reschedules_others_inputs(toy_plane, tmp_path):
    from modal import Cls
    from modal.exception import RemoteError

    greeter = Cls.from_name("toy", "Greeter").with_options(max_containers=1, timeout=78)()
    given_up = greeter.hold.spawn(str(tmp_path), "a")
    other = greeter.hold.spawn(str(tmp_path), "b")
    toy_plane.wait_until(lambda: begun(tmp_path, "a", "b"))
    (first,) = [c for c in toy_plane.containers if c.live.function.timeout_secs == 78]

    given_up.cancel(terminate_containers=True)

    with pytest.raises(RemoteError):
        given_up.get()
    toy_plane.wait_until(lambda: first.ended)
    (tmp_path / "go").touch()
    assert other.get() == "b"
    assert (tmp_path / "b.begun").read_text() != first.task_id


def test_cancelling_in_a_container_with_several_inputs_ends_it(toy_plane, tmp_path):
    from modal import Cls
    from modal.exception import RemoteError

    greeter = Cls.from_name("toy", "Greeter").with_options(max_containers=1, timeout=79)()
    given_up = greeter.hold.spawn(str(tmp_path), "a")
    other = greeter.hold.spawn(str(tmp_path), "b")
    toy_plane.wait_until(lambda: begun(tmp_path, "a", "b"))
    (first,) = [c for c in toy_plane.containers if c.live.function.timeout_secs == 79]

    given_up.cancel()

    toy_plane.wait_until(lambda: first.ended)
    (tmp_path / "go").touch()
    with pytest.raises(RemoteError):
        given_up.get()
    assert other.get() == "b"
    assert "SIGINT" in first.log or "cancelling" in first.log


@pytest.mark.usefixtures("toy_plane")
def test_a_finished_call_can_be_cancelled():
    from modal import Function

    call = Function.from_name("toy", "double").spawn(3)
    assert call.get() == 6
    call.cancel()
    assert call.get() == 6
