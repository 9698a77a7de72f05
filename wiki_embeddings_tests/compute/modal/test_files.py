"""The volume's small files from outside: what a run remembers of them, and what it does not."""

from __future__ import annotations

import modal
import pytest

from wiki_embeddings.compute.modal.deployment import VOLUME
from wiki_embeddings.compute.modal.files import ModalFiles
from wiki_embeddings.compute.modal.memory import RunMemory
from wiki_embeddings.volume import certificate_record, output_folder, sha256_of

FOLDER = output_folder("simple", "raw", "0123456789abcdef")
MANIFEST = f"{FOLDER}/manifest.json"


@pytest.fixture
def volume(modal_plane) -> modal.Volume:
    assert not modal_plane.client_requests
    return modal.Volume.from_name(VOLUME, version=2, create_if_missing=True)


def count(plane, name: str) -> int:
    return plane.client_requests.count(name)


def test_a_run_reads_a_manifest_once_and_the_next_run_sees_what_became_of_it(volume, modal_plane):
    ModalFiles(volume).write_bytes(MANIFEST, b"first")
    files = ModalFiles(volume)
    assert [files.read_bytes(MANIFEST) for _ in range(3)] == [b"first"] * 3
    assert count(modal_plane, "VolumeGetFile2") == 1
    ModalFiles(volume).write_bytes(MANIFEST, b"damaged")
    assert files.read_bytes(MANIFEST) == b"first", "its run has verified this one"
    assert ModalFiles(volume).read_bytes(MANIFEST) == b"damaged"


def test_what_other_runs_change_is_read_each_time(volume):
    files, other = ModalFiles(volume), ModalFiles(volume)
    for call in (b"fc-1", b"fc-2"):
        other.write_bytes(f"{FOLDER}.call", call)
        assert files.read_bytes(f"{FOLDER}.call") == call


def test_only_what_is_not_on_the_volume_is_written(volume, modal_plane):
    files = ModalFiles(volume, RunMemory(on_volume={MANIFEST: sha256_of(b"there")}))
    files.write_bytes(MANIFEST, b"there")
    assert count(modal_plane, "VolumePutFiles2") == 0
    certificate = certificate_record(FOLDER)
    files.write_bytes(certificate, b"new")
    written = count(modal_plane, "VolumePutFiles2")
    assert written
    files.write_bytes(certificate, b"new")
    assert count(modal_plane, "VolumePutFiles2") == written
    files.write_bytes(certificate, b"newer")
    assert ModalFiles(volume).read_bytes(certificate) == b"newer"
    files.memory.forget()
    files.write_bytes(MANIFEST, b"there")
    assert ModalFiles(volume).read_bytes(MANIFEST) == b"there"
