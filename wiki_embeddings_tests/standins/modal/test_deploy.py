from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from wiki_embeddings_tests.standins.modal.conftest import TOY_SECRETS, begun, write_toy_app
from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.fixtures import use_plane
from wiki_embeddings_tests.standins.modal.options import Options
from wiki_embeddings_tests.standins.modal.processes import find_processes


@pytest.fixture
def plane(tmp_path, monkeypatch):
    """An empty plane of which this process is a client."""
    folder = tmp_path / "plane"
    folder.mkdir()
    options = Options(scaledown_window_s=20.0)
    with ControlPlane(folder, TOY_SECRETS, options) as plane, use_plane(plane, monkeypatch):
        yield plane


def test_a_deployment_can_be_inspected(plane, tmp_path):
    printed = plane.deploy("toy_app", cwd=write_toy_app(tmp_path / "source"))

    assert "App deployed" in printed
    (deployment,) = plane.stats.deployments("toy")
    assert deployment.version == 1
    assert {"double", "describe", "Greeter.*"} <= set(deployment.functions)
    assert set(deployment.classes) == {"Greeter", "SlowStarter"}
    described = deployment.definition("describe")
    assert (described.resources.milli_cpu, described.resources.memory_mb) == (2000, 512)
    layers = plane.assets.layers(described.image_id)
    assert "ENV TOY_FOLDER=/data/toy" in [command for layer in layers for command in layer.commands]
    assert layers[-1].build_function_id
    assert layers[-1].definition.build_function.definition


def test_a_container_runs_the_code_as_it_was_when_deployed(plane, tmp_path):
    from modal import Function

    source = write_toy_app(tmp_path / "source", version=1)
    plane.deploy("toy_app", cwd=source)
    write_toy_app(tmp_path / "source", version=2)

    seen = Function.from_name("toy", "describe").remote()

    assert seen["version"] == 1
    (container,) = plane.containers
    assert Path(seen["code"]).is_relative_to(container.root)


def test_a_new_deployment_takes_over_and_old_containers_end_when_idle(plane, tmp_path):
    from modal import Function

    plane.deploy("toy_app", cwd=write_toy_app(tmp_path / "source", version=1))
    hold = Function.from_name("toy", "hold")
    old = hold.spawn(str(tmp_path), "old")
    plane.wait_until(lambda: begun(tmp_path, "old"))

    plane.deploy("toy_app", cwd=write_toy_app(tmp_path / "source", version=2))
    new = hold.spawn(str(tmp_path), "new")
    plane.wait_until(lambda: begun(tmp_path, "new"))
    first, second = plane.stats.containers("hold", alive=True)
    assert (first.live.version, second.live.version) == (1, 2)

    (tmp_path / "go").touch()
    assert (old.get(), new.get()) == ("old 1", "new 2")
    plane.wait_until(lambda: plane.stats.containers("hold", alive=True) == [second])
    assert first.exit_code == 0
    assert [deployment.version for deployment in plane.stats.deployments("toy")] == [1, 2]


_LARGE_APP = """
import hashlib
from pathlib import Path
import modal

image = modal.Image.debian_slim().add_local_file("large.bin", "/opt/large.bin")
app = modal.App("large")


@app.function(image=image)
def digest():
    return hashlib.sha256((Path.cwd().parent / "opt" / "large.bin").read_bytes()).hexdigest()
"""


def test_large_files_of_mounts_travel_as_blobs(plane, tmp_path):
    from modal import Function

    data = bytes(range(256)) * 20_000
    (tmp_path / "large.bin").write_bytes(data)
    (tmp_path / "large_app.py").write_text(_LARGE_APP)

    plane.deploy("large_app", cwd=tmp_path)

    assert "BlobCreate" in plane.requests
    assert Function.from_name("large", "digest").remote() == hashlib.sha256(data).hexdigest()


def test_a_missing_secret_stops_a_deployment(plane, tmp_path):
    plane.assets.secrets.clear()

    with pytest.raises(AssertionError, match="Secret 'toy-secret' not found"):
        plane.deploy("toy_app", cwd=write_toy_app(tmp_path / "source"))
    assert plane.stats.deployments("toy") == []


def test_a_secret_without_a_required_key_stops_a_deployment(plane, tmp_path):
    plane.assets.secrets["toy-secret"] = {"OTHER": "x"}

    with pytest.raises(AssertionError, match="TOY_TOKEN"):
        plane.deploy("toy_app", cwd=write_toy_app(tmp_path / "source"))


def test_a_stopped_app_ends_its_containers_and_is_not_found(plane, tmp_path):
    from modal import Function
    from modal.exception import NotFoundError, RemoteError

    plane.deploy("toy_app", cwd=write_toy_app(tmp_path / "source"))
    call = Function.from_name("toy", "hold").spawn(str(tmp_path), "a")
    plane.wait_until(lambda: begun(tmp_path, "a"))

    plane.run_cli("app", "stop", "toy", "--yes")

    with pytest.raises(RemoteError):
        call.get()
    plane.wait_until(lambda: not plane.stats.containers(alive=True))
    with pytest.raises(NotFoundError, match="toy"):
        Function.from_name("toy", "hold").hydrate()


@pytest.mark.usefixtures("plane")
@pytest.mark.parametrize("change", [{"MODAL_TOKEN_SECRET": "as-wrong"}, {"MODAL_TOKEN_ID": "ak-x"}])
def test_a_wrong_token_is_refused(monkeypatch, change):
    from modal import Function
    from modal.exception import AuthError

    for name, value in change.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(AuthError):
        Function.from_name("toy", "double").hydrate()


@pytest.mark.usefixtures("plane")
def test_an_rpc_that_is_not_modelled_is_named():
    from modal import Dict
    from modal.exception import UnimplementedError

    with pytest.raises(UnimplementedError, match="DictGetOrCreate"):
        Dict.from_name("d", create_if_missing=True).hydrate()


def test_the_fixture_makes_this_process_a_client(modal_plane):
    from modal import Secret, config

    assert config.config["server_url"] == modal_plane.url
    assert Secret.from_name("huggingface", required_keys=["HF_TOKEN"]).hydrate().object_id


def test_closing_leaves_no_process(tmp_path, monkeypatch):
    from modal import Function

    folder = tmp_path / "plane"
    folder.mkdir()
    with ControlPlane(folder, TOY_SECRETS) as plane, use_plane(plane, monkeypatch):
        plane.deploy("toy_app", cwd=write_toy_app(tmp_path / "source"))
        Function.from_name("toy", "hold").spawn(str(tmp_path), "a")
        plane.wait_until(lambda: begun(tmp_path, "a"))
        Function.from_name("toy", "leave_behind").remote()
        tasks = [container.task_id for container in plane.containers]
        assert len([pid for task in tasks for pid in find_processes(task)]) == 3

    assert [pid for task in tasks for pid in find_processes(task)] == []


_DOOMED = """
import json, os, signal, sys
from pathlib import Path
import pytest
from wiki_embeddings_tests.standins.modal.conftest import TOY_SECRETS, begun, write_toy_app
from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.fixtures import use_plane

folder = Path(sys.argv[1])
(folder / "plane").mkdir()
with ControlPlane(folder / "plane", TOY_SECRETS) as plane:
    with use_plane(plane, pytest.MonkeyPatch()):
        from modal import Function
        plane.deploy("toy_app", cwd=write_toy_app(folder / "source"))
        Function.from_name("toy", "hold").spawn(str(folder), "a")
        plane.wait_until(lambda: begun(folder, "a"))
        print(json.dumps([container.task_id for container in plane.containers]), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_containers_do_not_outlive_a_killed_test(tmp_path):
    killed = subprocess.run(
        [sys.executable, "-c", _DOOMED, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )

    assert killed.returncode == -signal.SIGKILL
    (task_id,) = json.loads(killed.stdout)
    deadline = time.monotonic() + 30
    while find_processes(task_id) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert find_processes(task_id) == []
