"""What the store of volumes promises beyond the model: folders, links, open files, faults."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from grpclib import GRPCError, Status

from wiki_embeddings_tests.standins.modal import volume_views
from wiki_embeddings_tests.standins.modal.volume_views import VolumeView
from wiki_embeddings_tests.standins.modal.volumes import VolumeEvent, VolumeStore


class Mounts:
    """A store with one volume, and containers that have it mounted."""

    def __init__(self, folder: Path, **options: bool) -> None:
        self.folder = folder
        self.store = VolumeStore(folder / "store", blocks_url=str, **options)
        self.volume_id = self.store.create("books").volume_id
        self.pids: list[int] = []

    def start(self, task_id: str, *, read_only: bool = False) -> Path:
        folder = self.folder / task_id / "vol"
        self.store.mount(
            self.volume_id, folder, task_id=task_id, pids=lambda: self.pids, read_only=read_only
        )
        return folder

    def commit(self, task_id: str) -> None:
        self.store.commit(self.volume_id, task_id)

    def reload(self, task_id: str) -> None:
        self.store.reload(self.volume_id, task_id)

    def files(self) -> dict[str, bytes]:
        return self.store.files("books")


@pytest.fixture
def mounts(tmp_path):
    return Mounts(tmp_path)


@contextmanager
def process(code: str, *arguments: Path) -> Iterator[int]:
    """Runs Python code that prints a line when it is ready; returns its process id."""
    command = [sys.executable, "-c", f"{code}\nprint(flush=True); input()", *map(str, arguments)]
    running = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    )
    assert running.stdin is not None
    assert running.stdout is not None
    running.stdout.readline()
    try:
        yield running.pid
    finally:
        running.communicate(b"\n")


HOLDERS = {
    "an open file": ("import sys; held = open(sys.argv[1])", "path a.txt is open"),
    "a mapped file": (
        "import mmap, os, sys\n"
        "descriptor = os.open(sys.argv[1], os.O_RDONLY)\n"
        "held = mmap.mmap(descriptor, 0, prot=mmap.PROT_READ)\n"
        "os.closerange(3, 64)",  # a map outlives its descriptors
        "path a.txt is open",
    ),
    "the working directory": (
        "import os, sys; os.chdir(os.path.dirname(sys.argv[1]))",
        "cwd is inside volume",
    ),
}


@pytest.mark.parametrize(("code", "reason"), HOLDERS.values(), ids=HOLDERS)
def test_a_reload_is_refused_while_the_container_holds(mounts, code, reason):
    folder = mounts.start("ta-1")
    (folder / "a.txt").write_text("hello")
    mounts.commit("ta-1")
    with process(code, folder / "a.txt") as pid:
        mounts.pids = [pid]
        with pytest.raises(GRPCError) as refusal:
            mounts.reload("ta-1")
    assert refusal.value.status is Status.FAILED_PRECONDITION
    assert refusal.value.message == f"there are open files preventing the operation: {reason}"
    mounts.reload("ta-1")
    assert mounts.store.count("reload") == 1


def test_files_that_others_hold_open_do_not_prevent_a_reload(mounts):
    folder = mounts.start("ta-1")
    (folder / "a.txt").write_text("hello")
    with process("pass") as pid, process("import sys; held = open(sys.argv[1])", folder / "a.txt"):
        mounts.pids = [pid]
        mounts.reload("ta-1")


def test_the_view_is_empty_while_it_is_reloaded(mounts, monkeypatch):
    folder = mounts.start("ta-1")
    (folder / "a.txt").write_text("hello")
    mounts.commit("ta-1")
    seen = []
    rewrite = VolumeView._rewrite

    def spy(self, *arguments):
        seen.extend(self.folder.iterdir())
        (self.folder / "lost.txt").write_text("into nothing")
        rewrite(self, *arguments)

    monkeypatch.setattr(VolumeView, "_rewrite", spy)
    mounts.reload("ta-1")
    assert seen == []
    assert [path.name for path in folder.iterdir()] == ["a.txt"]


def test_a_reload_survives_concurrent_writes(mounts):
    folder = mounts.start("ta-1")
    (folder / "kept.txt").write_text("kept")
    mounts.commit("ta-1")
    writes = (
        "import sys, threading; from pathlib import Path\n"
        "folder = Path(sys.argv[1]) / 'a/b'\n"
        "def write():\n"
        "    while True:\n"
        "        try:\n"
        "            folder.mkdir(parents=True, exist_ok=True)\n"
        "            (folder / 'new.txt').touch()\n"
        "        except OSError: pass\n"
        "threading.Thread(target=write, daemon=True).start()"
    )
    with process(writes, folder):
        for _ in range(300):
            mounts.reload("ta-1")
            assert (folder / "kept.txt").read_text() == "kept"


def test_a_reload_touches_only_what_differs(mounts):
    first, second = mounts.start("ta-1"), mounts.start("ta-2")
    (first / "same.txt").write_text("same")
    (first / "other.txt").write_text("old")
    mounts.commit("ta-1")
    mounts.reload("ta-2")
    before = (second / "same.txt").stat().st_ctime_ns
    (first / "other.txt").write_text("new")
    mounts.commit("ta-1")
    kept = (second / "other.txt").open()  # as a reader in this process: not of the container
    mounts.reload("ta-2")
    assert (second / "same.txt").stat().st_ctime_ns == before
    assert (second / "other.txt").read_text() == "new"
    assert kept.read() == "old"
    kept.close()


def test_two_writes_within_one_tick_of_the_clock_are_distinguished(mounts, monkeypatch):
    monkeypatch.setattr(volume_views, "_signature", lambda status: (status.st_size,))
    folder = mounts.start("ta-1")
    for data in ("one", "two", "six"):
        (folder / "a.txt").write_text(data)
        mounts.commit("ta-1")
        assert mounts.files() == {"a.txt": data.encode()}


def test_a_write_in_place_stays_in_its_view(mounts):
    first = mounts.start("ta-1")
    (first / "a.txt").write_text("hello")
    mounts.commit("ta-1")
    second = mounts.start("ta-2")
    with (second / "a.txt").open("r+") as file:
        file.write("J")
    assert (first / "a.txt").read_text() == "hello"
    assert mounts.files() == {"a.txt": b"hello"}
    assert (mounts.start("ta-3") / "a.txt").read_text() == "hello"


def test_a_reload_drops_uncommitted_changes(mounts):
    folder = mounts.start("ta-1")
    (folder / "draft.txt").write_text("draft")
    mounts.reload("ta-1")
    assert not (folder / "draft.txt").exists()
    assert mounts.files() == {}


def test_a_store_may_commit_implicitly_when_it_reloads(tmp_path):
    mounts = Mounts(tmp_path, reload_commits=True)
    folder = mounts.start("ta-1")
    (folder / "draft.txt").write_text("draft")
    mounts.reload("ta-1")
    assert (folder / "draft.txt").read_text() == "draft"
    assert mounts.files() == {"draft.txt": b"draft"}


def test_folders_links_modes_and_times_travel(mounts):
    first, second = mounts.start("ta-1"), mounts.start("ta-2")
    (first / "empty").mkdir()
    (first / "run.sh").write_text("true")
    (first / "run.sh").chmod(0o750)
    os.utime(first / "run.sh", ns=(10**18, 10**18))
    (first / "link").symlink_to("run.sh")
    mounts.commit("ta-1")
    mounts.reload("ta-2")
    status = (second / "run.sh").stat()
    assert (second / "empty").is_dir()
    assert (second / "link").readlink() == Path("run.sh")
    assert (status.st_mode & 0o7777, status.st_mtime_ns) == (0o750, 10**18)


def test_a_deleted_folder_stays_while_files_of_others_lie_in_it(mounts):
    first = mounts.start("ta-1")
    (first / "shared").mkdir()
    (first / "shared" / "a.txt").write_text("a")
    mounts.commit("ta-1")
    second = mounts.start("ta-2")
    (second / "shared" / "b.txt").write_text("b")
    mounts.commit("ta-2")
    (first / "shared" / "a.txt").unlink()
    (first / "shared").rmdir()
    mounts.commit("ta-1")
    mounts.reload("ta-1")
    assert mounts.files() == {"shared/b.txt": b"b"}
    assert (first / "shared" / "b.txt").read_text() == "b"


def test_a_file_takes_the_place_of_a_folder_and_back(mounts):
    first, second = mounts.start("ta-1"), mounts.start("ta-2")
    (first / "x").mkdir()
    (first / "x" / "a.txt").write_text("a")
    mounts.commit("ta-1")
    (second / "x").write_text("file")
    mounts.commit("ta-2")
    mounts.reload("ta-1")
    assert mounts.files() == {"x": b"file"}
    assert (first / "x").read_text() == "file"
    (second / "x").unlink()
    (second / "x").mkdir()
    (second / "x" / "b.txt").write_text("b")
    mounts.commit("ta-2")
    mounts.reload("ta-1")
    assert (first / "x" / "b.txt").read_text() == "b"


def test_a_read_only_mount_commits_nothing(mounts):
    folder = mounts.start("ta-1", read_only=True)
    mounts.commit("ta-1")
    (folder / "a.txt").write_text("forbidden")
    with pytest.raises(GRPCError, match="read-only"):
        mounts.commit("ta-1")
    assert mounts.files() == {}


def test_only_a_container_with_the_volume_commits_and_reloads(mounts):
    mounts.start("ta-1")
    for task_id in (None, "ta-2"):
        for operation in (mounts.commit, mounts.reload):
            with pytest.raises(GRPCError, match="not mounted"):
                operation(task_id)


def test_a_sub_path_is_refused(mounts, tmp_path):
    with pytest.raises(NotImplementedError, match="sub path"):
        mounts.store.mount(
            mounts.volume_id, tmp_path / "vol", task_id="ta-1", pids=list, sub_path="inner"
        )


def test_events_tell_what_each_commit_carried(mounts):
    folder = mounts.start("ta-1")
    (folder / "folder").mkdir()
    (folder / "folder" / "a.txt").write_text("hello")
    (folder / "b.txt").write_text("you")
    mounts.commit("ta-1")
    (folder / "b.txt").unlink()
    mounts.commit("ta-1")
    mounts.reload("ta-1")
    assert mounts.store.events == [
        VolumeEvent("commit", "books", "ta-1", ("b.txt", "folder/a.txt"), (), 8),
        VolumeEvent("commit", "books", "ta-1", (), ("b.txt",), 0),
        VolumeEvent("reload", "books", "ta-1"),
    ]
    assert mounts.store.count("commit", "ta-1") == 2
    assert mounts.store.count("commit", "ta-2") == 0


def test_the_committed_state_can_be_checked_out(mounts, tmp_path):
    folder = mounts.start("ta-1")
    (folder / "folder").mkdir()
    (folder / "folder" / "a.txt").write_text("hello")
    mounts.commit("ta-1")
    (folder / "folder" / "a.txt").write_text("later")
    mounts.store.checkout("books", tmp_path / "out")
    assert (tmp_path / "out" / "folder" / "a.txt").read_text() == "hello"


@pytest.mark.parametrize(("when", "committed"), [("before", {}), ("after", {"a.txt": b"hello"})])
def test_a_container_can_be_struck_at_its_nth_commit(mounts, when, committed):
    struck: list[str] = []
    mounts.store.faults.at_commit(struck.append, when, nth=2)
    folder = mounts.start("ta-1")
    mounts.commit("ta-1")
    (folder / "a.txt").write_text("hello")
    assert struck == []
    with pytest.raises(GRPCError, match="as ordered"):
        mounts.commit("ta-1")
    assert struck == ["ta-1"]
    assert mounts.files() == committed
    mounts.commit("ta-1")
    assert struck == ["ta-1"]
