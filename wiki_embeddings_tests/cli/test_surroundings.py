"""The command line where homes, terminals, disks and ports are not what one would wish."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from wiki_embeddings.cli.parameters import GPU_TYPE
from wiki_embeddings.defs.config import EmbeddingsConfig
from wiki_embeddings_tests.support.homes import (
    SMALL,
    cli,
    cli_in_this_process,
    command,
    environment,
)

COMMANDS = {
    "run": ["run", *SMALL],
    "search": ["search", "Achilles"],
    "search of a dataset": ["search", "Achilles", "--dataset", "somebody/published"],
    "ui": ["ui", "--port", "0"],
    "doctor": ["doctor"],
}


@pytest.fixture(scope="module")
def made(tmp_path_factory, tiny_model) -> Path:
    """A home in which a small part of the sample has been embedded."""
    home: Path = tmp_path_factory.mktemp("made")
    ran = cli(home, "run", "--model", str(tiny_model), *SMALL)
    assert ran.returncode == 0, ran.stderr
    return home


@pytest.fixture
def home(made, tmp_path) -> Path:
    """A copy of that home."""
    return Path(shutil.copytree(made, tmp_path / "home", symlinks=True))


def forget_current(home: Path) -> None:
    """Make a search ask Dagster's record, as in a home that an earlier release wrote."""
    (home / "volume" / "sample" / "current.json").unlink()


def assert_refused(done: subprocess.CompletedProcess[str], sentence: str) -> None:
    assert done.returncode == 1, done.stdout + done.stderr
    assert sentence in done.stderr
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stdout


# ---- Homes.


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
@pytest.mark.parametrize(
    ("folder", "named"),
    [
        ("a%2Fb", "'%2F'"),
        ("a%20b", "'%20'"),
        ("a?b", "'?'"),
        ("a[b]", "'[b]'"),
        ("a::b", "'::'"),
        (os.fsdecode(b"a\xffb"), r"'\udcff'"),
    ],
)
def test_a_home_that_cannot_work_is_refused_with_the_character(tmp_path, arguments, folder, named):
    refused = cli_in_this_process(tmp_path / folder, *arguments)
    assert_refused(refused, f"cannot be used: {named} in its path")
    assert "Set WIKI_EMBEDDINGS_HOME to a folder without it." in refused.stderr
    assert not list(tmp_path.iterdir()), "nothing was made, there or elsewhere"


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_a_dagster_home_that_cannot_work_is_refused_alike(tmp_path, arguments):
    refused = cli_in_this_process(tmp_path, *arguments, DAGSTER_HOME="my%20records")
    assert_refused(refused, "cannot be used: '%20' in its path")
    assert "Set DAGSTER_HOME to a folder without it." in refused.stderr
    assert not list(tmp_path.iterdir())


def test_the_home_of_nobody_is_refused():
    refused = cli_in_this_process(Path("~no-such-user/home"), "search", "Achilles")
    assert_refused(refused, "WIKI_EMBEDDINGS_HOME is '~no-such-user/home'")


@pytest.mark.parametrize("folder", ["a[b", "a b", "a%zz", "é'&#"])
def test_what_only_looks_odd_works(tmp_path, home, folder):
    odd = home.rename(tmp_path / folder)
    found = cli(odd, "search", "Achilles")
    assert found.returncode == 0, found.stderr


@pytest.mark.parametrize("named", ["~/records", "./deep/records"])
def test_every_command_uses_the_same_dagster_home(tmp_path, tiny_model, named):
    def here(*arguments: str) -> subprocess.CompletedProcess[str]:
        variables = {"DAGSTER_HOME": named, "HOME": str(tmp_path / "user")}
        return subprocess.run(
            command(*arguments),
            cwd=tmp_path,
            env=environment(tmp_path / "home", **variables),
            capture_output=True,
            text=True,
            check=False,
        )

    ran = here("run", "--model", str(tiny_model), *SMALL)
    assert ran.returncode == 0, ran.stderr
    expected = tmp_path / named.replace("~", "user")
    assert (expected / "history" / "runs.db").is_file()
    assert not (tmp_path / "home" / "dagster").exists()
    found = here("search", "Achilles")
    assert (found.returncode, found.stderr) == (0, "")


def test_a_search_leaves_no_home_behind(tmp_path):
    refused = cli_in_this_process(tmp_path / "home", "search", "Achilles")
    assert_refused(refused, "embeddings of sample has not been materialized yet")
    assert not (tmp_path / "home").exists()


# ---- Rights. The tests may run as root, whom the kernel would let read and write anything.

_WITHOUT_PRIVILEGES = textwrap.dedent("""
    import ctypes, os, sys
    libc = ctypes.CDLL(None)
    DROP, OVERRIDE, READ_SEARCH = 24, 1, 2
    if os.geteuid() == 0:
        assert libc.prctl(DROP, OVERRIDE, 0, 0, 0) == libc.prctl(DROP, READ_SEARCH, 0, 0, 0) == 0
    os.execv(sys.argv[1], sys.argv[1:])
""")


def without_privileges(home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", _WITHOUT_PRIVILEGES, *command(*arguments)],
        env=environment(home),
        capture_output=True,
        text=True,
        check=False,
    )


def forbid(home: Path, bits: int, *below: str) -> None:
    """Take rights from everything below a folder."""
    for path in [*home.joinpath(*below).rglob("*"), home.joinpath(*below)]:
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & ~bits)


def test_a_home_that_may_only_be_read_can_be_searched(home):
    mine = cli(home, "search", "Achilles")
    forbid(home, 0o222)
    theirs = without_privileges(home, "search", "Achilles")
    assert (theirs.returncode, theirs.stderr) == (0, "")
    assert theirs.stdout == mine.stdout
    assert_refused(without_privileges(home, "run", *SMALL), "Cannot write")


def test_a_record_that_may_not_be_read_is_refused_in_a_sentence(home):
    forget_current(home)
    forbid(home, 0o777, "dagster", "history")
    refused = without_privileges(home, "search", "Achilles")
    assert_refused(refused, f"Permission denied: {home}/dagster/history. Ask for the right to read")
    forbid(home, 0, "dagster")


# ---- Output.


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_a_letter_that_the_terminal_cannot_show_is_a_question_mark(home, encoding):
    question = "Who was Gödel → 哥德尔?"
    found = subprocess.run(
        command("search", question),
        env=environment(home, PYTHONIOENCODING=encoding),
        capture_output=True,
        check=False,
    )
    assert (found.returncode, found.stderr) == (0, b"")
    assert found.stdout.startswith(question.encode(encoding, "replace"))


@pytest.mark.parametrize(
    "arguments",
    [
        ["run", *SMALL],
        ["search", "Achilles"],
        ["estimate"],
        ["estimate", "--json"],
        ["doctor"],
        ["--help"],
        ["--version"],
        ["run", "--help"],
    ],
    ids=" ".join,
)
def test_a_full_disk_behind_the_output_is_told_in_a_sentence(home, tiny_model, arguments):
    if arguments == ["run", *SMALL]:
        arguments = [*arguments, "--model", str(tiny_model)]
    with Path("/dev/full").open("wb") as full:
        failed = subprocess.run(
            command(*arguments),
            env=environment(home),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert failed.returncode == 1
    assert failed.stderr == (
        "Error: Cannot write the output: No space left on device. Send it somewhere else; what a "
        "run has finished is kept.\n"
    )


@pytest.mark.parametrize("arguments", [["estimate"], ["--help"], ["search", "Achilles"]])
def test_a_reader_who_wants_no_more_is_no_error(home, arguments):
    with subprocess.Popen(
        command(*arguments), env=environment(home), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        assert running.stderr.read() == b""


# ---- The working directory, Dagster's configuration, the port.


@pytest.mark.parametrize("arguments", [*COMMANDS.values(), ["estimate"]], ids=" ".join)
def test_a_working_directory_that_is_gone_is_told_in_a_sentence(tmp_path, arguments):
    gone = tmp_path / "gone"
    gone.mkdir()
    program = f"cd '{gone}' && rmdir '{gone}' && exec \"$@\""
    refused = subprocess.run(
        ["/bin/sh", "-c", program, "sh", *command(*arguments)],
        env=environment(tmp_path / "home"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert_refused(refused, "The working directory no longer exists: change to another one")


@pytest.mark.parametrize(
    "arguments", [["run", *SMALL], ["search", "Achilles"], ["ui", "--port", "0"]]
)
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("telemetry: [", "expected the node content"),
        ("telemetri:\n  enabled: false\n", 'unexpected config entry "telemetri"'),
        ("- telemetry\n", "to parse to dictionary"),
        ("telemetry: 3\n", "root:telemetry must be dict"),
        ("storage:\n  sqlite:\n    base_dir:\n      env: NO_SUCH_VARIABLE\n", "NO_SUCH_VARIABLE"),
        (b"\xff\xfe", "can't decode byte 0xff"),
        (None, "Is a directory"),
    ],
)
def test_a_damaged_dagster_yaml_is_named(home, tiny_model, arguments, content, reason):
    forget_current(home)
    configuration = home / "dagster" / "dagster.yaml"
    configuration.unlink()
    if content is None:
        configuration.mkdir()
    else:
        configuration.write_bytes(content.encode() if isinstance(content, str) else content)
    more = ["--model", str(tiny_model)] if arguments[0] == "run" else []
    refused = cli_in_this_process(home, *arguments, *more)
    assert_refused(refused, f"Dagster cannot use {configuration}: ")
    assert reason in refused.stderr
    assert "Correct the file, or move it away" in refused.stderr


def test_a_launcher_that_cannot_be_loaded_ends_the_ui_alone(home):
    configuration = home / "dagster" / "dagster.yaml"
    configuration.write_text("run_launcher:\n  module: no_such_module\n  class: Launcher\n")
    assert_refused(
        cli_in_this_process(home, "ui", "--port", "0"), "Couldn't import module no_such_module"
    )
    assert cli(home, "search", "Achilles").returncode == 0, "which launches nothing"


def test_a_port_in_use_is_told_instead_of_hidden_in_a_log(home):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        refused = cli_in_this_process(home, "ui", "--port", str(port))
    assert_refused(refused, f"cannot listen on port {port} of 127.0.0.1: Address already in use.")
    assert "Choose another port with --port" in refused.stderr


@pytest.mark.parametrize("host", ["192.0.2.1", "no-such-host.invalid"])
def test_an_address_of_another_machine_is_told_too(home, host):
    assert_refused(cli_in_this_process(home, "ui", "--host", host), f"of {host}: ")


# ---- Words.


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["search", ""], "'QUESTION'"),
        (["search", " \t"], "'QUESTION'"),
        (["search", "Achilles", "--dataset", ""], "'--dataset'"),
        (["search", "Achilles", "--dataset", "a/b", "--revision", ""], "'--revision'"),
        (["run", "--model", ""], "'--model'"),
        (["run", "--wiki", ""], "'--wiki'"),
        (["estimate", "--model", " "], "'--model'"),
        (["estimate", "--gpu", ""], "'--gpu'"),
    ],
)
def test_nothing_is_no_answer(tmp_path, arguments, named):
    refused = cli_in_this_process(tmp_path, *arguments)
    assert refused.returncode == 2
    assert f"Invalid value for {named}: it is empty." in refused.stderr


def test_a_question_that_is_no_text_is_refused(tmp_path):
    refused = cli_in_this_process(tmp_path, "search", os.fsdecode(b"Who was G\xf6del?"))
    assert refused.returncode == 2
    assert "'QUESTION': it is not text in this terminal's encoding." in refused.stderr


@pytest.mark.parametrize("start", [["run"], ["search", "Achilles"], ["estimate"]], ids=" ".join)
@pytest.mark.parametrize(
    ("wiki", "advice"),
    [
        ("EN", " Did you mean en?"),
        ("zh_min_nan", " Did you mean zh-min-nan?"),
        (" de ", " Did you mean de?"),
        ("de.wikipedia.org", ""),
    ],
)
def test_what_is_no_language_code_is_not_advised_as_one(tmp_path, start, wiki, advice):
    refused = cli_in_this_process(tmp_path, *start, "--wiki", wiki)
    end = f"such as en or zh-min-nan.{advice}\n"
    assert_refused(refused, f"{wiki!r} is not the language code of a Wikipedia, {end}")


@pytest.mark.parametrize("gpu", ["A100-40GB", "A100_40GB", "a100-40gb", "a100_40gb"])
def test_a_gpu_may_be_spelled_with_hyphens_or_underscores_in_any_case(tmp_path, gpu):
    estimate = cli_in_this_process(tmp_path, "estimate", "--gpu", gpu)
    assert "× A100-40GB" in estimate.stdout, estimate.stderr
    assert GPU_TYPE.convert(gpu, None, None) == EmbeddingsConfig(gpu=gpu).gpu == "A100-40GB"


def test_run_reads_modals_spelling_of_a_gpu(tmp_path, tiny_model):
    gpu = "A100-40GB"
    run = cli(tmp_path, "run", "--gpu", gpu, "--model", str(tiny_model), *SMALL)
    assert run.returncode == 0, run.stderr
