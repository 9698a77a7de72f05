"""The files of `deploy/` name only what exists; no Docker engine is needed."""

from __future__ import annotations

import re
import shlex
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import dagster as dg
import dagster._cli
import dagster._daemon.cli
import dagster_webserver.cli
import pytest
import yaml

from wiki_embeddings import settings
from wiki_embeddings.cli.main import cli as wiki_embeddings_cli

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = [name for name in SERVICES if name != "postgres"]
DOCKERFILE = (DEPLOY / "Dockerfile").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()

PROGRAMS: dict[str, click.Command] = {
    "dagster": dagster._cli.cli,
    "dagster-daemon": dagster._daemon.cli.cli,
    "dagster-webserver": dagster_webserver.cli.cli,
    "wiki-embeddings": wiki_embeddings_cli,
}

SERVICE_KEYS = {
    "build", "command", "depends_on", "env_file", "environment", "healthcheck", "image", "init",
    "ports", "restart", "shm_size", "volumes",
}  # fmt: skip
"""Those keys of the Compose specification that are used here."""

OTHER_LIBRARIES = {
    "DAGSTER_HOME", "DAGSTER_POSTGRES_URL", "HF_TOKEN", "MODAL_TOKEN_ID", "MODAL_TOKEN_SECRET",
    "PIP_DISABLE_PIP_VERSION_CHECK", "PIP_NO_CACHE_DIR", "POSTGRES_DB", "POSTGRES_PASSWORD",
    "POSTGRES_USER", "PYTHONUNBUFFERED",
}  # fmt: skip
"""Variables that others read: Dagster, the Hub's and Modal's clients, pip, the image of PostgreSQL,
and `dagster.yaml`."""


def parse(words: list[str]) -> None:
    """Parse a command line as its program does; raises what click raises, and starts nothing."""
    command: click.Command = PROGRAMS[words[0]]
    words = words[1:]
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(click.Context(command), words)
        assert found is not None
        command = found
    command.make_context("", words)


def example_variables() -> dict[str, str]:
    lines = (DEPLOY / "example.env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_compose_has_only_keys_of_its_specification():
    extensions = {key for key in COMPOSE if key.startswith("x-")}
    assert set(COMPOSE) - extensions == {"name", "services", "volumes"}
    assert set(SERVICES) == {"postgres", "code-location", "webserver", "daemon"}
    for service in SERVICES.values():
        assert set(service) <= SERVICE_KEYS
        assert service["healthcheck"]["test"][0] == "CMD"
        for needed, condition in service.get("depends_on", {}).items():
            assert needed in SERVICES
            assert condition == {"condition": "service_healthy"}


@pytest.mark.parametrize("name", OURS)
def test_a_service_and_its_health_check_call_what_the_programs_understand(name):
    parse(SERVICES[name]["command"])
    check = SERVICES[name]["healthcheck"]["test"][1:]
    if check[0] == "python":
        compile(check[2], "healthcheck", "exec")
    else:
        parse(check)


def test_mounts_are_of_declared_volumes_and_existing_files():
    for service in SERVICES.values():
        for mount in service["volumes"]:
            source = mount.split(":")[0]
            assert source in COMPOSE["volumes"] or (DEPLOY / source).is_file()


def test_the_code_location_is_where_the_workspace_says():
    (location,) = yaml.safe_load((DEPLOY / "workspace.yaml").read_text())["load_from"]
    served = location["grpc_server"]
    command = SERVICES[served["host"]]["command"]
    assert command[command.index("--port") + 1] == str(served["port"])
    assert (ROOT / "workspace.yaml").read_text().count(served["location_name"])
    for name in ("webserver", "daemon"):
        (workspace,) = [word for word in SERVICES[name]["command"] if word.endswith(".yaml")]
        assert workspace in DOCKERFILE


def test_the_image_gets_files_that_exist_and_that_the_engine_is_sent():
    sent = re.findall(r"^!(.+)", (ROOT / ".dockerignore").read_text(), re.MULTILINE)
    copied = [
        source
        for line in re.findall(r"^COPY (.+)", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    ]
    assert copied
    for source in copied:
        assert (ROOT / source).exists()
        assert source in sent
    for requirements in re.findall(r"-r (\S+)", DOCKERFILE):
        assert (ROOT / requirements).is_file()
    for library in ("dagster", "dagster-postgres", "psycopg2-binary"):
        assert f"\n{library}==" in (ROOT / "requirements" / "deploy.txt").read_text()


def test_the_image_names_the_modules_and_homes_that_are_mounted():
    assert SERVICES["webserver"]["build"]["dockerfile"] == "deploy/Dockerfile"
    homes = dict(re.findall(r"(DAGSTER_HOME|WIKI_EMBEDDINGS_HOME)=(\S+)", DOCKERFILE))
    assert f"{homes['DAGSTER_HOME']}/dagster.yaml" in str(SERVICES["daemon"]["volumes"])
    assert f"data:{homes['WIKI_EMBEDDINGS_HOME']}" in SERVICES["daemon"]["volumes"]
    command = SERVICES["code-location"]["command"]
    module = import_module(command[command.index("--module-name") + 1])
    assert isinstance(getattr(module, command[command.index("--attribute") + 1]), dg.Definitions)


def test_every_variable_is_read_by_somebody_and_the_example_has_those_that_compose_asks_for():
    texts = [file.read_text() for file in DEPLOY.iterdir()]
    named = {name for text in texts for name in re.findall(r"\b[A-Z]+(?:_[A-Z]+)+\b", text)}
    ours = {name for name in named if name.startswith("WIKI_EMBEDDINGS_")}
    assert ours
    assert all(f'"{name}"' in Path(settings.__file__).read_text() for name in ours)
    assert named - ours - {"WIKI_EMBEDDINGS"} <= OTHER_LIBRARIES
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text()))
    assert asked <= set(example_variables())


def test_the_example_is_valid_as_it_is():
    empty_or_sensible = example_variables()
    assert settings.load(empty_or_sensible).compute == "modal"
    assert not settings.alerts(empty_or_sensible).anyone


def test_both_instances_limit_pools_and_keep_ticks_alike():
    server = yaml.safe_load((DEPLOY / "dagster.yaml").read_text())
    laptop = yaml.safe_load((ROOT / "wiki_embeddings" / "defs" / "dagster.yaml").read_text())
    for key in ("telemetry", "nux", "retention"):
        assert server[key] == laptop[key]
    assert server["concurrency"]["pools"] == laptop["concurrency"]["pools"]
    assert set(laptop) <= set(server)


COMMANDS = [
    line.split("#")[0].strip()
    for block in re.findall(r"```sh\n(.*?)```", OPERATIONS, re.DOTALL)
    for line in block.splitlines()
    if line.strip() and not line.startswith("#")
]


@pytest.mark.parametrize(
    "line", [line for line in COMMANDS if re.search(r"(^|code-location )(wiki-emb|dagster)", line)]
)
def test_a_command_of_the_page_on_operations_is_one_that_the_program_understands(line):
    words = shlex.split(line)
    parse(words[next(n for n, word in enumerate(words) if word in PROGRAMS) :])


def test_the_page_on_operations_names_services_and_files_that_exist():
    assert COMMANDS
    subcommand = re.compile(
        r"docker compose (?:exec|run|stop|logs)(?: --?\w+)*(?: 1h)? ([a-z-]+(?: [a-z-]+)*)"
    )
    for line in COMMANDS:
        for services in subcommand.findall(line):
            assert services.split()[0] in SERVICES
    for file in re.findall(r"\bdeploy/[a-z.]*[a-z]", OPERATIONS):
        assert (ROOT / file).exists() or file == "deploy/.env"
