"""The app's functions, images and sources, as deployed to the local control plane."""

from __future__ import annotations

import ast
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.metadata import distributions, packages_distributions, requires
from pathlib import Path

import pytest
from modal_proto import api_pb2
from packaging.requirements import Requirement

from wiki_embeddings import settings
from wiki_embeddings.compute.modal import deployment
from wiki_embeddings.compute.modal.code_version import (
    PACKAGE,
    SHIPPED_SUFFIXES,
    code_version,
    digest_of_files,
)
from wiki_embeddings.encoders.models.known import KNOWN_MODELS
from wiki_embeddings.encoders.models.languages import default_model
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.sources.connections import FILE_CONNECTIONS
from wiki_embeddings_tests.compute.modal.cloud import APP_MODULE, REPOSITORY
from wiki_embeddings_tests.standins.modal.assets import ImageLayer
from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.registry import Deployment

REQUIREMENTS = REPOSITORY / "requirements"
PINNED = re.compile(r"([a-z0-9._-]+)==(\S+)", re.IGNORECASE)
MAPS = ("fetch_part", "chunk_shard", "make_dataset_file")
EMBEDDERS = {"Embedder.*": "A10", "TeiEmbedder.*": "A10", "CpuEmbedder.*": ""}
LONG_MINUTES = {
    "call_function": deployment.CALL_MINUTES,
    "fetch_export_file": deployment.EXPORT_MINUTES,
}
LISTS_OF_IMAGE = {
    "fetch_part": ["cloud.txt", "data.txt"],
    "Embedder.*": ["cloud.txt", "data.txt", "gpu.txt"],
    "TeiEmbedder.*": ["cloud.txt", "data.txt"],
}
"""A function of each image, with the requirement files that the image installs."""


@dataclass(frozen=True)
class Deployed:
    """A control plane and the app deployed to it."""

    plane: ControlPlane
    app: Deployment

    def function(self, name: str) -> api_pb2.Function:
        return self.app.definition(name)

    def layers(self, function: str) -> list[ImageLayer]:
        return self.plane.assets.layers(self.function(function).image_id)


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    secrets = {deployment.SECRET: {deployment.SECRET_KEY: "hf_local"}}
    with ControlPlane(tmp_path_factory.mktemp("plane"), secrets) as plane:
        plane.deploy(APP_MODULE, cwd=REPOSITORY)
        yield Deployed(plane, plane.stats.deployments(deployment.APP)[-1])


def test_every_function_has_the_volume_the_secret_a_time_limit_and_retries(deployed):
    volume = deployed.plane.volumes.find(deployment.VOLUME, "main")
    assert volume.version == 2
    assert len(deployed.app.functions) >= 9
    for name in deployed.app.functions:
        function = deployed.function(name)
        (mount,) = function.volume_mounts
        assert (mount.volume_id, mount.mount_path) == (volume.volume_id, deployment.MOUNT)
        assert function.secret_ids == [f"st-named-{deployment.SECRET}"]
        minutes = LONG_MINUTES.get(name, deployment.SHARD_MINUTES)
        assert function.timeout_secs == 60 * minutes
        assert function.retry_policy.retries == 2


@pytest.mark.parametrize("name", [*MAPS, *EMBEDDERS])
def test_a_map_has_at_most_fifty_containers_unless_a_run_says_otherwise(deployed, name):
    assert deployed.function(name).autoscaler_settings.max_containers == 50


def test_the_files_of_exports_are_fetched_within_the_connections_that_wikimedia_allows(deployed):
    settings = deployed.function("fetch_export_file").autoscaler_settings
    assert settings.max_containers == FILE_CONNECTIONS == 2


@pytest.mark.parametrize(("name", "gpu"), EMBEDDERS.items())
def test_a_container_embeds_two_shards_at_once_on_the_gpu_of_its_engine(deployed, name, gpu):
    function = deployed.function(name)
    size = deployment.EMBED_CONTAINER if gpu else deployment.EMBED_CPU_CONTAINER
    assert function.max_concurrent_inputs == 2
    assert function.resources.gpu_config.gpu_type == gpu == size.gpu
    assert function.resources.gpu_config.count == bool(gpu)
    assert function.resources.milli_cpu == 1000 * size.cores
    assert function.resources.memory_mb == size.memory_mib


@pytest.mark.parametrize(("function", "lists"), LISTS_OF_IMAGE.items())
def test_images_install_exactly_the_pinned_releases(deployed, function, lists):
    installing = [
        layer
        for layer in deployed.layers(function)
        if any("pip install -r" in command for command in layer.commands)
    ]
    assert [layer.definition.context_files[0].data for layer in installing] == [
        (REQUIREMENTS / name).read_bytes() for name in lists
    ]
    for layer in installing:
        assert layer.commands[-1].endswith("-r /.requirements.txt --no-deps")


@pytest.mark.parametrize("name", ["cloud.txt", "data.txt", "gpu.txt"])
def test_every_release_in_an_image_is_pinned_with_a_hash(name):
    requirements = [
        line
        for line in (REQUIREMENTS / name).read_text().replace("\\\n", " ").splitlines()
        if line.strip() and not line.startswith("#")
    ]
    assert requirements
    for requirement in requirements:
        assert PINNED.match(requirement), requirement
        assert "--hash=sha256:" in requirement, requirement


def test_containers_and_this_machine_have_the_same_releases():
    assert pinned("cloud.txt").items() <= pinned("run.txt").items()
    shared = pinned("gpu.txt").keys() & pinned("cloud.txt").keys()
    assert {name: pinned("gpu.txt")[name] for name in shared} == {
        name: pinned("cloud.txt")[name] for name in shared
    }


def test_the_tei_image_is_based_on_the_pinned_release(deployed):
    (base, *above) = deployed.layers("TeiEmbedder.*")
    assert base.commands[0] == f"FROM {deployment.TEI_IMAGE}"
    assert re.search(r":cuda-\d+\.\d+\.\d+$", deployment.TEI_IMAGE)
    assert above[0].commands == ["FROM base", "ENTRYPOINT []"]


@pytest.mark.parametrize("function", LISTS_OF_IMAGE)
def test_weights_are_baked_in_where_containers_look_for_them(deployed, function):
    *layers, address = deployed.layers(function)
    assert any("WIKI_EMBEDDINGS_CODE_URL" in command for command in address.commands)
    split = len(layers) - len(deployment.BAKED_MODELS)
    below, baking = layers[:split], layers[split:]
    home = f"ENV WIKI_EMBEDDINGS_HOME={deployment.HOME}"
    assert any(home in layer.commands for layer in below)
    assert settings.load({"WIKI_EMBEDDINGS_HOME": deployment.HOME}).volume == Path(deployment.MOUNT)
    for layer, wiki in zip(baking, ("en", "de"), strict=True):
        build = layer.definition.build_function
        assert "def bake_weights" in build.definition
        args, _ = pickle.loads(build.input.args)
        assert args == (default_model(wiki), KNOWN_MODELS[default_model(wiki)].revision)


@pytest.mark.parametrize("model", deployment.BAKED_MODELS)
def test_baked_weights_are_found_without_network(model, hub, tiny_model, tmp_path, monkeypatch):
    from wiki_embeddings.modal_app import bake_weights

    known = KNOWN_MODELS[model]
    revision = known.revision
    # A tiny model stands in for the real one, so its weights have another digest.
    monkeypatch.setitem(KNOWN_MODELS, model, replace(known, weights_sha256=None))
    hub.add(model, tiny_model, repo_type="model", commit=revision)
    monkeypatch.setenv("WIKI_EMBEDDINGS_HOME", str(tmp_path))
    bake_weights(model, revision)

    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    found = resolve(model)
    assert found.revision == revision
    assert found.folder.is_relative_to(tmp_path)
    assert not found.folder.is_relative_to(tmp_path / "volume"), "the volume would hide it"


def test_containers_get_only_the_sources_of_the_package(deployed, tmp_path):
    function = deployed.function("handshake")
    deployed.plane.assets.materialise(function.mount_ids, tmp_path)
    shipped = {path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()}
    sources = (path for path in PACKAGE.rglob("*") if path.suffix in SHIPPED_SUFFIXES)
    assert shipped == {Path("root", PACKAGE.name, path.relative_to(PACKAGE)) for path in sources}
    assert {path.suffix for path in shipped} == {".py", ".jinja", ".toml"}
    assert digest_of_files(tmp_path / "root" / PACKAGE.name) == code_version()


def test_all_functions_get_the_same_sources(deployed):
    mounts = {tuple(deployed.function(name).mount_ids) for name in deployed.app.functions}
    assert len(mounts) == 1


def test_images_have_every_library_that_the_package_imports():
    """Includes imports inside functions, which a start of the app would not reach."""
    modules, foreign = imported_from(APP_MODULE)
    assert {"wiki_embeddings.stages.embed", "wiki_embeddings.encoders.cuda.encoder"} <= modules
    installed = packages_distributions()
    needed = {name: set(map(normalised, installed.get(name, [name]))) for name in foreign}
    lists = pinned("cloud.txt").keys(), pinned("gpu.txt").keys()
    missing = [{name for name in needed if not needed[name] & listed} for listed in lists]
    assert missing[0] == {"openvino", "torch", "triton"}
    # An extra for one's own processor: what computes on Modal without a GPU does without it.
    assert missing[0] & missing[1] == {"openvino"}


def test_images_have_every_dependency_of_their_releases():
    """They are installed with `--no-deps`."""
    listed = pinned("cloud.txt")
    missing = {
        (name, needed.name)
        for name in listed.keys() & {normalised(known.name) for known in distributions()}
        for needed in map(Requirement, requires(name) or [])
        if (needed.marker is None or needed.marker.evaluate({"extra": ""}))
        and normalised(needed.name) not in listed
    }
    assert missing == set()


def test_importing_the_app_loads_neither_dagster_nor_an_engine():
    loaded = loaded_by(APP_MODULE)
    assert "modal" in loaded
    assert loaded & {"dagster", "torch", "onnxruntime", "datasets"} == set()


def test_importing_the_definitions_does_not_load_modal():
    loaded = loaded_by("wiki_embeddings.definitions", WIKI_EMBEDDINGS_COMPUTE="modal")
    assert "dagster" in loaded
    assert "modal" not in loaded


def pinned(name: str) -> dict[str, str]:
    """Return the pinned version of each project in a requirement file."""
    found = re.findall(
        rf"^{PINNED.pattern}", (REQUIREMENTS / name).read_text(), re.MULTILINE | re.I
    )
    return {normalised(project): version for project, version in found}


def normalised(project: str) -> str:
    return re.sub(r"[-_.]+", "-", project).lower()


def loaded_by(module: str, **variables: str) -> set[str]:
    """Return the top-level modules that importing a module loads in a new process."""
    program = (
        f"import json, sys, {module}; "
        "print(json.dumps(sorted({name.partition('.')[0] for name in sys.modules})))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stdout))


def imported_from(module: str) -> tuple[set[str], set[str]]:
    """Return the package's modules that a module imports, also indirectly, and the libraries."""
    ours, foreign, pending = set[str](), set[str](), [module]
    while pending:
        name = pending.pop()
        if name in ours:
            continue
        ours.add(name)
        for imported in imports_of(name):
            top = imported.partition(".")[0]
            if top == PACKAGE.name:
                pending.append(imported)
            elif top not in sys.stdlib_module_names:
                foreign.add(top)
    return ours, foreign


def imports_of(module: str) -> Iterator[str]:
    """Yield the names that a module of the package imports, inside functions too."""
    for node in ast.walk(ast.parse(source_of(module).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            inner = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in inner if is_ours(name))


def is_ours(module: str) -> bool:
    return module.startswith(f"{PACKAGE.name}.") and source_of(module).exists()


def source_of(module: str) -> Path:
    path = PACKAGE.parent.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
