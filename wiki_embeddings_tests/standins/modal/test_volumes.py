"""Volumes end to end: Modal's own client and container entrypoint on the local control plane."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

import pytest
from grpclib import Status

from wiki_embeddings_tests.standins.modal.control_plane import ControlPlane
from wiki_embeddings_tests.standins.modal.fixtures import use_plane

BLOCK_BYTES = 8 * 1024 * 1024


@pytest.fixture(scope="module")
def plane(tmp_path_factory):
    """One plane for all tests here, with containers that stay as long as it does."""
    with (
        ControlPlane(tmp_path_factory.mktemp("modal")) as plane,
        pytest.MonkeyPatch.context() as monkeypatch,
        use_plane(plane, monkeypatch),
    ):
        plane.deploy("wiki_embeddings_tests.standins.modal.volume_toy_app")
        yield plane


@pytest.fixture
def clerk(plane: ControlPlane):  # noqa: ARG001 - whose client this process is then
    """Starts or finds the container of a name."""
    from modal import Cls

    return lambda name: Cls.from_name("volume-toy", "Clerk")(name=name)


@pytest.fixture
def books(plane: ControlPlane):  # noqa: ARG001 - whose client this process is then
    from modal import Volume

    return Volume.from_name("books", version=2)


def read(volume, path: str) -> bytes:
    return b"".join(volume.read_file(path))


def upload(volume, files: dict[str, bytes], *, force: bool = False) -> None:
    with volume.batch_upload(force=force) as batch:
        for path, data in files.items():
            batch.put_file(io.BytesIO(data), path)


def test_a_write_is_visible_to_others_after_a_commit_and_a_reload(clerk, books):
    ann, bob = clerk("ann"), clerk("bob")
    assert bob.read.remote("seen.txt") is None
    ann.write.remote("seen.txt", "hello")
    bob.reload.remote()
    assert bob.read.remote("seen.txt") is None
    assert ann.try_to_commit.remote() == "no error"
    assert bob.read.remote("seen.txt") is None
    bob.reload.remote()
    assert bob.read.remote("seen.txt") == "hello"
    assert read(books, "seen.txt") == b"hello"


def test_a_new_container_sees_what_was_committed_before_it_started(clerk):
    clerk("ann").publish.remote("before.txt", "hello")
    assert clerk("newcomer").read.remote("before.txt") == "hello"


def test_commits_of_different_files_merge_and_the_last_one_of_a_file_wins(clerk, books):
    ann, bob = clerk("ann"), clerk("bob")
    ann.write.remote("merge/ann.txt", "ann")
    bob.write.remote("merge/bob.txt", "bob")
    ann.write.remote("merge/both.txt", "ann")
    bob.write.remote("merge/both.txt", "bob")
    bob.try_to_commit.remote()
    ann.try_to_commit.remote()
    names = ("ann.txt", "bob.txt", "both.txt")
    assert [read(books, f"merge/{name}") for name in names] == [b"ann", b"bob", b"ann"]


def test_a_stale_view_neither_overwrites_nor_resurrects(clerk, books):
    ann, bob = clerk("ann"), clerk("bob")
    ann.publish.remote("stale/changed.txt", "first")
    ann.publish.remote("stale/deleted.txt", "first")
    bob.reload.remote()
    ann.publish.remote("stale/changed.txt", "second")
    ann.delete.remote("stale/deleted.txt")
    bob.publish.remote("stale/own.txt", "bob")
    assert bob.read.remote("stale/changed.txt") == "first"
    assert {entry.path for entry in books.listdir("stale")} == {
        "stale/changed.txt",
        "stale/own.txt",
    }
    assert read(books, "stale/changed.txt") == b"second"


def test_many_containers_commit_at_once(clerk, books):
    names = ("ann", "bob", "cid")
    paths = [(name, f"many/{name}-{number}.txt") for name in names for number in range(5)]
    with ThreadPoolExecutor() as threads:
        list(threads.map(lambda path: clerk(path[0]).publish.remote(path[1], "hello"), paths))
    assert [entry.path for entry in books.listdir("many")] == sorted(path for _, path in paths)


def test_a_killed_container_loses_what_it_had_not_committed(plane, clerk, books):
    dora = clerk("dora")
    dora.publish.remote("killed/committed.txt", "kept")
    task_id = dora.write.remote("killed/draft.txt", "lost")
    plane.kill(task_id)
    assert dora.read.remote("killed/draft.txt") is None
    assert dora.read.remote("killed/committed.txt") == "kept"
    assert [entry.path for entry in books.listdir("killed")] == ["killed/committed.txt"]


def test_a_container_that_ends_in_order_commits(plane):
    from modal import Cls

    short_lived = Cls.from_name("volume-toy", "Clerk").with_options(scaledown_window=2)
    short_lived(name="gus").write.remote("last.txt", "words")
    plane.wait_until(lambda: plane.volumes.files("books").get("last.txt") == b"words")


def test_a_container_can_die_just_before_or_after_its_commit(plane, clerk, books):
    for when in ("before", "after"):
        killed: list[str] = []

        def kill(task_id, killed=killed):
            killed.append(task_id)
            plane.kill(task_id)

        plane.volumes.faults.at_commit(kill, when)
        survivor = clerk("emil").publish.remote(f"struck/{when}.txt", when)
        assert killed != [survivor]
        assert len(killed) == 1
    # Modal runs an input again when its container died: the second one finds the file committed.
    assert read(books, "struck/before.txt") == b"before"
    assert read(books, "struck/after.txt") == b"after"
    carried = [
        event.task_id for event in plane.volumes.events if "struck/after.txt" in event.written
    ]
    assert carried == killed


def test_a_reload_with_an_open_file_says_which(clerk):
    ann = clerk("ann")
    ann.publish.remote("open.txt", "hello")
    error = ann.reload_while_reading.remote("open.txt")
    assert error == "there are open files preventing the operation: path open.txt is open"
    ann.reload.remote()


def test_a_failed_commit_is_reported_and_can_be_repeated(plane, clerk, books):
    ann = clerk("ann")
    ann.write.remote("again.txt", "hello")
    plane.faults.fail("VolumeCommit", status=Status.FAILED_PRECONDITION)
    assert ann.try_to_commit.remote() == "ordered by a test"
    assert ann.try_to_commit.remote() == "no error"
    assert read(books, "again.txt") == b"hello"


def test_an_unavailable_server_does_not_fail_a_commit(plane, clerk, books):
    ann = clerk("ann")
    ann.write.remote("patience.txt", "hello")
    fault = plane.faults.fail("VolumeCommit", times=2)
    assert ann.try_to_commit.remote() == "no error"
    assert fault.hits == 2
    assert read(books, "patience.txt") == b"hello"


def test_commits_and_reloads_are_counted_by_container(plane, clerk):
    task_id = clerk("fay").publish.remote("counted.txt", "hello")
    clerk("fay").reload.remote()
    assert plane.volumes.count("commit", task_id) == 1
    assert plane.volumes.count("reload", task_id) == 1


def test_a_store_may_reload_after_each_commit(plane, clerk, monkeypatch):
    monkeypatch.setattr(plane.volumes, "commit_reloads", True)
    ann, bob = clerk("ann"), clerk("bob")
    bob.publish.remote("refreshed.txt", "hello")
    assert ann.read.remote("refreshed.txt") is None
    assert ann.try_to_commit.remote() == "no error"
    assert ann.read.remote("refreshed.txt") == "hello"
    assert ann.commit_while_reading.remote("refreshed.txt").startswith("there are open files")


def test_a_commit_alone_does_not_mind_open_files(clerk):
    ann = clerk("ann")
    ann.write.remote("held.txt", "hello")
    assert ann.commit_while_reading.remote("held.txt") == "no error"


def test_texts_too_large_for_a_message_arrive(plane, clerk):
    text = "many words " * 300_000
    clerk("ann").write.remote("large.txt", text)
    assert clerk("ann").read.remote("large.txt") == text
    assert plane.requests.count("BlobCreate") >= 2


def test_an_upload_is_seen_after_a_reload(clerk, books):
    bob = clerk("bob")
    bob.reload.remote()
    upload(books, {"uploads/a.txt": b"hello"})
    assert bob.read.remote("uploads/a.txt") is None
    bob.reload.remote()
    assert bob.read.remote("uploads/a.txt") == "hello"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 10,
        b"text with zeros at its end\0\0",
        b"x" * BLOCK_BYTES,
        b"x" * BLOCK_BYTES + b"\0" * BLOCK_BYTES + b"end",
    ],
    ids=["empty", "zeros", "trailing zeros", "one block", "three blocks"],
)
def test_a_file_comes_back_as_it_was_uploaded(plane, books, data):
    upload(books, {"/round/trip.bin": data}, force=True)
    assert read(books, "round/trip.bin") == data
    assert plane.volumes.files("books")["round/trip.bin"] == data


def test_an_upload_overwrites_only_with_force(books):
    upload(books, {"kept.txt": b"first"})
    with pytest.raises(FileExistsError, match=r"kept\.txt"):
        upload(books, {"kept.txt": b"second", "other.txt": b"neither"})
    assert read(books, "kept.txt") == b"first"
    with pytest.raises(FileNotFoundError):
        read(books, "other.txt")
    upload(books, {"kept.txt": b"second"}, force=True)
    assert read(books, "kept.txt") == b"second"


def test_an_upload_never_overwrites_a_folder(books):
    upload(books, {"shelf/a.txt": b"a"})
    with pytest.raises(FileExistsError):
        upload(books, {"shelf": b"file"}, force=True)


def test_files_are_listed_and_removed(books):
    from modal.exception import NotFoundError

    upload(books, {"list/a.txt": b"a", "list/inner/b.txt": b"bb"})
    entries = {entry.path: (entry.type.name, entry.size) for entry in books.listdir("/list")}
    assert entries == {"list/a.txt": ("FILE", 1), "list/inner": ("DIRECTORY", 0)}
    assert [entry.path for entry in books.listdir("list/a.txt")] == ["list/a.txt"]
    assert "list/inner/b.txt" in [entry.path for entry in books.iterdir("/", recursive=True)]
    books.remove_file("list/a.txt")
    with pytest.raises(FileNotFoundError):
        books.remove_file("list/a.txt")
    books.remove_file("list", recursive=True)
    with pytest.raises(NotFoundError):
        books.listdir("list")


def test_a_file_that_is_missing_is_not_found(books):
    with pytest.raises(FileNotFoundError):
        read(books, "missing.txt")


@pytest.mark.usefixtures("plane")
def test_a_volume_that_is_missing_is_not_found_unless_it_is_created():
    from modal import Volume
    from modal.exception import NotFoundError

    with pytest.raises(NotFoundError, match="'shelf'"):
        Volume.from_name("shelf", version=2).hydrate()
    created = Volume.from_name("shelf", version=2, create_if_missing=True).hydrate()
    assert Volume.from_name("shelf", version=2).hydrate().object_id == created.object_id
    assert next(volume.name for volume in Volume.objects.list()) == "shelf"
    Volume.objects.delete("shelf")
    with pytest.raises(NotFoundError):
        created.listdir("/")


@pytest.mark.usefixtures("plane")
def test_a_volume_of_another_version_is_refused():
    from modal import Volume
    from modal.exception import InvalidError

    Volume.from_name("old", version=1, create_if_missing=True).hydrate()
    with pytest.raises(InvalidError, match="has version v1, not v2"):
        Volume.from_name("old", version=2).hydrate()


def test_only_a_container_commits_and_reloads(books):
    for operation in (books.commit, books.reload):
        with pytest.raises(RuntimeError, match="not mounted"):
            operation()


def test_the_command_line_reads_and_writes_a_volume(plane, books, tmp_path):
    (tmp_path / "shelf" / "inner").mkdir(parents=True)
    (tmp_path / "shelf" / "inner" / "a.txt").write_text("hello")
    plane.run_cli("volume", "put", "books", str(tmp_path / "shelf"), "/command")
    assert "command/inner" in plane.run_cli("volume", "ls", "books", "/command").stdout
    plane.run_cli("volume", "get", "books", "/command", str(tmp_path))
    assert (tmp_path / "command" / "inner" / "a.txt").read_text() == "hello"
    plane.run_cli("volume", "rm", "-r", "books", "/command")
    with pytest.raises(FileNotFoundError):
        read(books, "command/inner/a.txt")
