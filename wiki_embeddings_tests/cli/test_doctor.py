"""The command `wiki-embeddings doctor`, against the local control plane."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from grpclib import Status

from wiki_embeddings.compute.modal.code_version import PACKAGE
from wiki_embeddings.compute.modal.deployment import DEPLOY, SECRET, VOLUME
from wiki_embeddings_tests.compute.modal.cloud import APP_MODULE, REPOSITORY
from wiki_embeddings_tests.standins.hub import (
    FINE_GRAINED_TOKEN,
    TOKEN,
    WRITE_TOKEN,
    LocalHub,
    local_hub,
)
from wiki_embeddings_tests.standins.modal.accounts import ENVIRONMENT, TOKEN_ID, TOKEN_SECRET
from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.options import Options
from wiki_embeddings_tests.support.homes import cli_in_this_process, command

READY = (
    "Ready: runs from here go to Modal. Its plans limit the GPUs at once (10 on Starter, 50 on "
    "Team): where a run asks for more, the others wait.\n"
)
TOKENS = {TOKEN_ID, TOKEN_SECRET, TOKEN, WRITE_TOKEN, FINE_GRAINED_TOKEN, "hf_nobody", "as-wrong"}
TWO_PROFILES = """\
[work]
token_id = "ak-1"
token_secret = "as-1"
[home]
token_id = "ak-2"
token_secret = "as-2"
"""


OF_THIS_MACHINE = ["Folder for all outputs", "Dagster's record", "Contact for Wikimedia"]


def doctor(
    variables: Mapping[str, str], compute: str = "modal"
) -> subprocess.CompletedProcess[str]:
    """Ask about a run on Modal; leave out the lines about this machine, and find no token."""
    foreign = ("MODAL_", "HF_", "WIKI_EMBEDDINGS_")
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    done = subprocess.run(
        command("doctor", "--compute", "modal"),
        env={**inherited, "WIKI_EMBEDDINGS_COMPUTE": compute, **variables},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not [token for token in TOKENS if token in done.stdout + done.stderr]
    *own, rest = done.stdout.split("\n", len(OF_THIS_MACHINE))
    assert [line.partition(":")[0] for line in own] == [f"✓ {name}" for name in OF_THIS_MACHINE]
    done.stdout = rest
    return done


NOT_ASKED = [
    "– Modal secret huggingface: not asked before this is well: Modal token.",
    "– Modal volume wiki-embeddings: not asked before this is well: Modal token.",
    "– Modal app wiki-embeddings: not asked before this is well: Modal token.",
    "– Version of the deployed app: not asked before this is well: Modal token.",
    "– Hugging Face token in the secret: not asked before this is well: Modal token.",
]


@pytest.fixture
def empty_plane(tmp_path: Path) -> Iterator[ControlPlane]:
    """An empty control plane."""
    with ControlPlane(tmp_path) as plane:
        yield plane


def without_token(plane: ControlPlane) -> dict[str, str]:
    return {name: value for name, value in plane.environment().items() if "TOKEN" not in name}


@dataclass(frozen=True)
class Deployed:
    """A control plane with the app, and the Hub of its containers."""

    plane: ControlPlane
    hub: LocalHub

    def doctor(self, hf_token: str = TOKEN, compute: str = "modal", **more: str) -> list[str]:
        """Run the command with a token in the secret; return its exit status and its lines."""
        self.plane.assets.secrets[SECRET] = {"HF_TOKEN": hf_token, "HF_ENDPOINT": self.hub.url}
        for container in self.plane.stats.containers("hub_account", alive=True):
            self.plane.kill(container)  # it has the earlier secret
        done = doctor({**self.plane.environment(), **more}, compute)
        assert done.stderr == ""
        return [f"exit {done.returncode}", *done.stdout.splitlines()]


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    secrets = {SECRET: {"HF_TOKEN": TOKEN}}
    with (
        local_hub() as hub,
        ControlPlane(
            tmp_path_factory.mktemp("plane"), secrets, Options(retry_delay_s=0.05)
        ) as plane,
    ):
        plane.deploy(APP_MODULE, cwd=REPOSITORY)
        yield Deployed(plane, hub)


@pytest.mark.parametrize(
    ("variables", "state"),
    [
        ({}, "missing"),
        ({"MODAL_TOKEN_ID": TOKEN_ID}, "incomplete, only token_id is set"),
        (
            {"MODAL_TOKEN_ID": TOKEN_ID, "MODAL_TOKEN_SECRET": "as-wrong"},
            "not accepted by Modal",
        ),
    ],
)
def test_without_a_valid_token_it_says_how_to_sign_in(empty_plane, variables, state):
    done = doctor({**without_token(empty_plane), **variables})
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        f"✗ Modal token: {state}. Run `modal setup`, or set MODAL_TOKEN_ID and MODAL_TOKEN_SECRET "
        "to a token from https://modal.com/settings/tokens.",
        *NOT_ASKED,
    ]


def test_one_of_several_profiles_has_to_be_active(empty_plane, tmp_path):
    file = tmp_path / "profiles.toml"
    file.write_text(TWO_PROFILES)
    done = doctor({**without_token(empty_plane), "MODAL_CONFIG_PATH": str(file)})
    assert done.stdout.splitlines() == [
        "✗ Modal token: No Modal profile is active. Run `modal profile list`, then "
        "`modal profile activate`.",
        *NOT_ASKED,
    ]


def test_everything_missing_is_listed_with_its_command(empty_plane):
    done = doctor(empty_plane.environment())
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        "✓ Modal token: accepted (ak-loca…).",
        "✗ Modal secret huggingface: missing. Run `modal secret create huggingface HF_TOKEN=hf_…` "
        "with a token from https://huggingface.co/settings/tokens; a read-only one is enough "
        "unless you publish.",
        f"✗ Modal volume wiki-embeddings: missing. Run `{DEPLOY}`, which creates it.",
        f"✗ Modal app wiki-embeddings: not deployed. Run `{DEPLOY}`.",
        "– Version of the deployed app: not asked before this is well: Modal app wiki-embeddings.",
        "– Hugging Face token in the secret: not asked before this is well: Modal secret "
        "huggingface.",
    ]


def test_an_unsuitable_secret_or_volume_is_not_called_missing(empty_plane):
    empty_plane.assets.secrets[SECRET] = {"HUGGING_FACE_TOKEN": "a misnomer"}
    empty_plane.volumes.create(VOLUME, ENVIRONMENT, 1)
    secret, volume = doctor(empty_plane.environment()).stdout.splitlines()[1:3]
    assert secret.startswith(
        "✗ Modal secret huggingface: without HF_TOKEN. "
        "Run `modal secret create --force huggingface HF_TOKEN=hf_…`"
    )
    assert volume.startswith("✗ Modal volume wiki-embeddings: of version 1, ")
    assert f"`modal volume rename {VOLUME} {VOLUME}-v1`, then `{DEPLOY}`" in volume


def test_if_nothing_is_missing_it_says_where_runs_go(deployed):
    lines = deployed.doctor(compute="local")
    assert lines[0] == "exit 0"
    assert [line[0] for line in lines[1:7]] == ["✓"] * 6
    assert lines[4] == "✓ Modal app wiki-embeddings: deployed."
    assert lines[5].endswith(", as here.")
    assert lines[6] == (
        "✓ Hugging Face token in the secret: ada's (read), may read, which is all that a run needs."
    )
    assert lines[7:] == [
        "Ready. Runs from here stay on this machine until WIKI_EMBEDDINGS_COMPUTE=modal is set."
    ]


@pytest.mark.parametrize(
    ("token", "state"),
    [
        (WRITE_TOKEN, "cantor's (write), may write to cantor, set-theory, halle, crelle"),
        (FINE_GRAINED_TOKEN, "dedekind's (fineGrained), may write to cuts, gauss/letters"),
    ],
)
def test_it_names_the_owner_and_the_permissions_of_the_hub_token(deployed, token, state):
    lines = deployed.doctor(token)
    assert lines[0] == "exit 0"
    assert lines[-2:] == [f"✓ Hugging Face token in the secret: {state}.", READY.strip()]


def test_a_token_that_may_not_write_to_the_namespace_is_a_failure(deployed):
    namespace = {"WIKI_EMBEDDINGS_HUB_NAMESPACE": "cantor"}
    assert deployed.doctor(WRITE_TOKEN, **namespace)[0] == "exit 0"
    lines = deployed.doctor(TOKEN, **namespace)
    assert lines[0] == "exit 1"
    assert lines[-1] == (
        "✗ Hugging Face token in the secret, for cantor: ada's (read), may only read. Run `modal "
        "secret create --force huggingface HF_TOKEN=hf_…` with a token from "
        "https://huggingface.co/settings/tokens; it must be able to write to cantor."
    )


def test_a_token_that_the_hub_refuses_has_to_be_replaced(deployed):
    lines = deployed.doctor("hf_nobody")
    assert lines[0] == "exit 1"
    assert lines[-1].startswith(
        "✗ Hugging Face token in the secret: not accepted by the Hub. "
        "Run `modal secret create --force huggingface HF_TOKEN=hf_…`"
    )


def test_a_hub_that_is_down_fails_only_its_own_check(deployed):
    deployed.hub.fail("whoami", 503, times=3)  # Modal retries twice
    lines = deployed.doctor()
    assert [line[0] for line in lines[1:]] == ["✓"] * 5 + ["✗"]
    assert lines[-1].endswith("it answers with status 503. Ask again later.")


@pytest.mark.parametrize(
    ("rpc", "expected"), [("SecretGetOrCreate", "✓✗✓✓✓–"), ("VolumeGetOrCreate", "✓✓✗✓✓✓")]
)
def test_a_question_that_modal_refuses_does_not_end_the_others(deployed, rpc, expected):
    fault = deployed.plane.faults.fail(rpc, times=99, status=Status.PERMISSION_DENIED)
    lines = deployed.doctor()
    fault.times = 0
    assert lines[0] == "exit 1"
    assert "".join(line[0] for line in lines[1:]) == expected
    assert "ordered by a test" in lines[1 + expected.index("✗")]
    assert lines[5].endswith(", as here."), "the version"


def test_an_app_deployed_from_other_code_has_to_be_deployed_again(deployed, tmp_path):
    edited = tmp_path / "edited"
    shutil.copytree(PACKAGE, edited / PACKAGE.name, ignore=shutil.ignore_patterns("__pycache__"))
    with (edited / PACKAGE.name / "errors.py").open("a") as file:
        file.write("# edited since\n")
    done = doctor({**deployed.plane.environment(), "PYTHONPATH": str(edited)})
    assert (done.returncode, done.stderr) == (1, "")
    version, token = done.stdout.splitlines()[-2:]
    assert version.startswith("✗ Version of the deployed app: ")
    assert version.endswith(f" Run `{DEPLOY}` again.")
    assert "Hugging Face token in the secret" in token, "which can still be asked"
    assert not deployed.plane.stats.calls_in_progress()


def test_if_modal_cannot_be_reached_it_says_so(tmp_path):
    with ControlPlane(tmp_path) as plane:
        closed = plane.environment()
    done = doctor(closed)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.splitlines() == [
        "✗ Modal token: Modal cannot be reached: there was no answer within 10 s. Look at the "
        "network and at https://status.modal.com, and try again.",
        *NOT_ASKED,
    ]


def test_a_run_on_this_machine_needs_no_account(tmp_path):
    told = cli_in_this_process(tmp_path, "doctor")
    assert (told.returncode, told.stderr) == (0, "")
    assert [line.partition(":")[0] for line in told.stdout.splitlines()] == [
        "✓ Folder for all outputs",
        "✓ Dagster's record",
        "✓ Files of the sample",
        "✓ Engine for the vectors",
        "✓ Contact for Wikimedia",
        "Ready for a run on this machine.",
    ]


def test_after_a_failure_the_other_lines_follow(tmp_path, hub):
    (tmp_path / "dagster").mkdir()
    (tmp_path / "dagster" / "dagster.yaml").write_text("storage: [")
    variables = {"WIKI_EMBEDDINGS_HUB_NAMESPACE": "cantor", "HF_ENDPOINT": hub.url}
    told = cli_in_this_process(tmp_path, "doctor", "--json", **variables, HF_TOKEN=TOKEN)
    assert told.returncode == 1
    found = json.loads(told.stdout)
    assert (found["compute"], found["ready"]) == ("local", False)
    assert [finding["status"] for finding in found["findings"]] == (
        ["ok", "failed", "ok", "ok", "ok", "failed"]
    )
    assert "Correct the file" in found["findings"][1]["state"]
    assert found["findings"][-1]["subject"] == "Hugging Face token, for cantor"
    assert found["findings"][-1]["remedy"].endswith("that may write to cantor.")
    allowed = cli_in_this_process(tmp_path, "doctor", **variables, HF_TOKEN=WRITE_TOKEN)
    assert "✓ Hugging Face token: cantor's (write), may write to cantor" in allowed.stdout
