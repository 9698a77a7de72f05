from __future__ import annotations

import errno
import os
import subprocess
import sys
import textwrap
import time
from contextlib import suppress

import pytest

from wiki_embeddings.volume import (
    UnusableVolumeError,
    digest_of,
    sha256_of_file,
    write_bytes,
    written_atomically,
)


def test_equal_settings_share_a_digest_whatever_their_order():
    assert digest_of({"a": 1, "b": [2.5, None]}) == digest_of({"b": [2.5, None], "a": 1})
    assert digest_of({"a": 1}) != digest_of({"a": 1.5})


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    destination = tmp_path / "new" / "file"
    with suppress(RuntimeError), written_atomically(destination) as path:
        path.write_bytes(b"half")
        raise RuntimeError("half way")
    assert list((tmp_path / "new").iterdir()) == []
    write_bytes(destination, b"whole")
    assert destination.read_bytes() == b"whole"
    assert [path.name for path in destination.parent.iterdir()] == ["file"]


def test_a_writer_that_is_killed_leaves_nothing_under_the_final_name(tmp_path):
    program = textwrap.dedent("""
        import os, signal, sys
        from pathlib import Path
        from wiki_embeddings.volume import written_atomically
        with written_atomically(Path(sys.argv[1])) as path:
            path.write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)
    """)
    destination = tmp_path / "file"
    killed = subprocess.run([sys.executable, "-c", program, str(destination)], check=False)
    assert killed.returncode == -9
    assert not destination.exists()
    assert len(list(tmp_path.iterdir())) == 1, "its temporary file"
    write_bytes(destination, b"whole")
    assert list(tmp_path.iterdir()) == [destination]


def test_what_a_writer_on_another_machine_left_is_removed_when_it_is_old(tmp_path):
    destination = tmp_path / "file"
    left_behind = tmp_path / ".file.7@another.machine.0123abcd.tmp"
    left_behind.write_bytes(b"half")
    write_bytes(destination, b"whole")
    assert left_behind.exists(), "it may still be at work"
    two_days_ago = time.time() - 2 * 24 * 3600
    os.utime(left_behind, (two_days_ago, two_days_ago))
    write_bytes(destination, b"whole")
    assert list(tmp_path.iterdir()) == [destination]


def test_a_young_temporary_file_of_another_writer_is_left_alone(tmp_path):
    with written_atomically(tmp_path / "file") as slow:
        slow.write_bytes(b"slow")
        write_bytes(tmp_path / "file", b"quick")
    assert (tmp_path / "file").read_bytes() == b"slow"


def test_a_full_disk_is_reported_in_a_sentence(tmp_path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UnusableVolumeError, match=r"the disk is full.*WIKI_EMBEDDINGS_HOME"):
        write_bytes(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_the_way_of_a_folder_is_reported_in_a_sentence(tmp_path):
    (tmp_path / "in-the-way").write_text("a file")
    with pytest.raises(UnusableVolumeError, match="in the way of a folder"):
        write_bytes(tmp_path / "in-the-way" / "deeper" / "file", b"content")


def test_sha256_of_a_file_is_the_published_one(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256_of_file(tmp_path / "abc") == digest
