from __future__ import annotations

import os
from pathlib import Path

import pytest

from wiki_embeddings_tests.standins.modal.conftest import TOY_SECRETS, begun, write_toy_app
from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.fixtures import use_plane
from wiki_embeddings_tests.standins.modal.options import Options
from wiki_embeddings_tests.standins.modal.stats import Requested


def test_a_container_is_a_process_of_modals_own_entrypoint(toy_plane):
    from modal import Function

    seen = Function.from_name("toy", "describe").remote()

    assert seen["command"][1:3] == ["-m", "modal._container_entrypoint"]
    assert not seen["is local"]
    environment = seen["environment"]
    assert environment["MODAL_IS_REMOTE"] == "1"
    assert environment["MODAL_TASK_ID"] == toy_plane.stats.containers("describe")[0].task_id


@pytest.mark.usefixtures("toy_plane")
def test_the_checkout_does_not_leak_into_a_container():
    from modal import Function

    assert not Function.from_name("toy", "describe").remote()["sees the checkout"]


@pytest.mark.usefixtures("toy_plane")
def test_a_container_has_the_variables_of_its_image_and_secrets_only(monkeypatch):
    from modal import Function

    monkeypatch.setenv("WIKI_EMBEDDINGS_HOME", "leaks")
    monkeypatch.setenv("HF_TOKEN", "leaks")

    environment = Function.from_name("toy", "describe").remote()["environment"]

    assert environment["TOY_WORD"] == "from the image"
    assert environment["TOY_TOKEN"] == "very secret"
    assert "leaks" not in environment.values()
    assert "MODAL_TOKEN_SECRET" not in environment


def test_absolute_paths_of_an_image_lie_below_the_root_of_the_container(toy_plane):
    from modal import Function

    seen = Function.from_name("toy", "describe").remote()

    (container, *_) = toy_plane.stats.containers("describe")
    assert seen["environment"]["TOY_FOLDER"] == f"{container.root}/data/toy"
    assert seen["folder"] == f"{container.root}/root"
    assert container.root.is_relative_to(toy_plane.folder)
    assert os.environ["HOME"] != seen["environment"]["HOME"]


def test_containers_start_on_demand_up_to_the_limit(toy_plane, tmp_path):
    from modal import Function

    hold = Function.from_name("toy", "hold").with_options(max_containers=3)
    call = hold.experimental_spawn_map([str(tmp_path)] * 5, list("abcde"))
    toy_plane.wait_until(lambda: toy_plane.stats.running_inputs("hold") == 3)

    stats = hold.get_current_stats()
    assert (stats.backlog, stats.num_total_runners, stats.num_running_inputs) == (2, 3, 3)
    (tmp_path / "go").touch()
    assert list(call.iter()) == [f"{name} 1" for name in "abcde"]
    assert toy_plane.stats.peak_containers(hold.object_id) == 3


def test_a_container_works_on_as_many_inputs_as_its_concurrency(toy_plane, tmp_path):
    from modal import Cls

    greeter = Cls.from_name("toy", "Greeter").with_options(max_containers=1)()
    call = greeter.hold.experimental_spawn_map([str(tmp_path)] * 3, list("abc"))
    toy_plane.wait_until(lambda: toy_plane.stats.running_inputs("Greeter.*") == 2)

    (tmp_path / "go").touch()
    assert list(call.iter()) == list("abc")
    (task_id,) = {(tmp_path / f"{name}.begun").read_text() for name in "abc"}
    assert toy_plane.stats.inputs_per_container()[task_id] == 3


def test_each_variant_has_containers_of_its_own(toy_plane):
    from modal import Cls

    greeter = Cls.from_name("toy", "Greeter")
    fast = greeter.with_options(gpu="H100", max_containers=1).with_concurrency(max_inputs=4)

    answers = [
        greeter(word="hi").greet.remote("you"),
        greeter(word="ho").greet.remote("you"),
        fast(word="hi").greet.remote("you"),
        greeter(word="hi").greet.remote("me"),
    ]

    assert [said for said, _ in answers] == ["hi you", "ho you", "hi you", "hi me"]
    speakers = [task_id for _, task_id in answers]
    assert speakers[3] == speakers[0]
    assert len(set(speakers)) == 3
    variant = next(c.live for c in toy_plane.containers if c.task_id == speakers[2])
    assert (variant.concurrency, variant.max_containers) == (4, 1)
    assert Requested("H100", 1, 0.0, 0) in toy_plane.stats.requested("Greeter.*")
    assert Requested("A10G", 1, 0.0, 0) in toy_plane.stats.requested("Greeter.*")


def test_inputs_of_a_crashed_container_are_done_by_another(toy_plane, tmp_path):
    from modal import Function

    assert Function.from_name("toy", "crash").remote(str(tmp_path), "a", 3) == 4

    codes = [container.exit_code for container in toy_plane.stats.containers("crash")]
    assert codes == [1, 1, 1, None]


def test_a_container_that_never_starts_is_replaced_without_end(tmp_path, monkeypatch):
    from modal import Function

    source = write_toy_app(tmp_path / "source")
    code = (source / "toy_app.py").read_text()
    broken = code.replace("app = modal.App", "if not modal.is_local(): 1 / 0\napp = modal.App")
    folder = tmp_path / "plane"
    folder.mkdir()
    options = Options(first_crash_backoff_s=0.01)
    with ControlPlane(folder, TOY_SECRETS, options) as plane, use_plane(plane, monkeypatch):
        (source / "toy_app.py").write_text(broken)
        plane.deploy("toy_app", cwd=source)
        call = Function.from_name("toy", "double").spawn(4)
        plane.wait_until(lambda: len(plane.containers) >= 3)
        with pytest.raises(TimeoutError):
            call.get(timeout=0)

        (source / "toy_app.py").write_text(code)
        plane.deploy("toy_app", cwd=source)
        assert call.get() == 8
        assert "ZeroDivisionError" in plane.containers[0].log


def test_idle_containers_end(tmp_path, monkeypatch):
    from modal import Cls, Function

    folder = tmp_path / "plane"
    folder.mkdir()
    options = Options(scaledown_window_s=0.2)
    with ControlPlane(folder, TOY_SECRETS, options) as plane, use_plane(plane, monkeypatch):
        plane.deploy("toy_app", cwd=write_toy_app(tmp_path / "source"))
        double = Function.from_name("toy", "double")
        assert double.remote(1) == 2
        Cls.from_name("toy", "Greeter")().greet.remote("you")
        plane.wait_until(lambda: not plane.stats.containers(alive=True))
        assert [container.exit_code for container in plane.containers] == [0, 0]
        assert double.remote(2) == 4


def test_a_timeout_kills_the_container_and_fails_the_input(toy_plane):
    from modal import Function
    from modal.exception import FunctionTimeoutError

    too_slow = Function.from_name("toy", "too_slow")
    with pytest.raises(FunctionTimeoutError):
        too_slow.remote("a", 60.0)

    assert too_slow.remote("b", 0.0) == "b"
    assert [c.exit_code for c in toy_plane.stats.containers("too_slow")] == [-9, None]


def test_a_container_that_takes_too_long_to_start_is_replaced(toy_plane, tmp_path):
    from modal import Cls

    starter = Cls.from_name("toy", "SlowStarter")(folder=str(tmp_path))

    assert starter.starts.remote() >= 2
    first, *_, last = toy_plane.stats.containers("SlowStarter.*")
    assert (first.exit_code, last.exit_code) == (-9, None)


def test_others_inputs_survive_a_container_that_is_killed(toy_plane, tmp_path):
    from modal import Cls

    greeter = Cls.from_name("toy", "Greeter").with_options(max_containers=1, timeout=77)()
    call = greeter.hold.experimental_spawn_map([str(tmp_path)] * 2, ["a", "b"])
    toy_plane.wait_until(lambda: begun(tmp_path, "a", "b"))
    first = next(c for c in toy_plane.containers if c.live.function.timeout_secs == 77)

    toy_plane.kill(first)
    (tmp_path / "go").touch()

    assert list(call.iter()) == ["a", "b"]
    assert first.exit_code == -9
    assert Path(tmp_path, "a.begun").read_text() != first.task_id
