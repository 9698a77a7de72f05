"""Views, commits and reloads, against a model that fits on one page."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    multiple,
    rule,
)

from wiki_embeddings_tests.standins.modal.volumes import VolumeStore

PATHS = st.sampled_from(["a", "folder/b", "folder/deeper/c"])
# Few and of equal lengths: what tells two versions of a file apart must not be their size.
DATA = st.sampled_from([b"one", b"two", b"six", b""])


class VolumeMachine(RuleBasedStateMachine):
    """Containers come and go, write, delete, commit, reload; clients upload and remove.

    The model: a volume is a mapping from path to bytes, and so is a view; a commit copies those
    paths in which the view differs from what it was at its last commit or reload.
    """

    containers: Bundle[str] = Bundle("containers")

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        root = Path(self.folder.name)
        self.mounts = root / "mounts"
        self.store = VolumeStore(root / "store", blocks_url=str)
        self.volume_id = self.store.create("books").volume_id
        self.committed: dict[str, bytes] = {}
        self.views: dict[str, dict[str, bytes]] = {}
        self.bases: dict[str, dict[str, bytes]] = {}
        self.started = 0

    def teardown(self) -> None:
        self.folder.cleanup()

    @initialize(target=containers)
    def start_two(self):
        return multiple(self._start(), self._start())

    @rule(target=containers, task_id=consumes(containers))
    def kill_and_replace(self, task_id):
        self.store.drop(task_id)
        assert not (self.mounts / task_id).exists()
        del self.views[task_id], self.bases[task_id]
        return self._start()

    @rule(task_id=containers, path=PATHS, data=DATA, in_place=st.booleans())
    def write(self, task_id, path, data, in_place):
        file = self.mounts / task_id / path
        file.parent.mkdir(parents=True, exist_ok=True)
        written = file if in_place else file.with_name("fresh.tmp")
        written.write_bytes(data)
        written.rename(file)
        self.views[task_id][path] = data

    @rule(task_id=containers, path=PATHS, data=DATA)
    def write_and_commit(self, task_id, path, data):
        self.write(task_id, path, data, in_place=True)
        self.commit(task_id)

    @rule(task_id=containers, draw=st.data())
    def delete(self, task_id, draw):
        if view := self.views[task_id]:
            path = draw.draw(st.sampled_from(sorted(view)))
            (self.mounts / task_id / path).unlink()
            del view[path]

    @rule(task_id=containers)
    def commit(self, task_id):
        self.store.commit(self.volume_id, task_id)
        view, base = self.views[task_id], self.bases[task_id]
        for path in view.keys() | base.keys():
            if path not in view:
                self.committed.pop(path, None)
            elif view[path] != base.get(path):
                self.committed[path] = view[path]
        self.bases[task_id] = dict(view)

    @rule(task_id=containers)
    def reload(self, task_id):
        self.store.reload(self.volume_id, task_id)
        self.views[task_id] = dict(self.committed)
        self.bases[task_id] = dict(self.committed)

    @rule(draw=st.data())
    def remove_from_outside(self, draw):
        if self.committed:
            path = draw.draw(st.sampled_from(sorted(self.committed)))
            self.store.remove(self.volume_id, path, recursive=False)
            del self.committed[path]

    def _start(self):
        self.started += 1
        task_id = f"ta-{self.started}"
        self.store.mount(self.volume_id, self.mounts / task_id, task_id=task_id, pids=list)
        self.views[task_id] = dict(self.committed)
        self.bases[task_id] = dict(self.committed)
        return task_id

    @invariant()
    def the_volume_holds_what_was_committed(self):
        assert self.store.files("books") == self.committed

    @invariant()
    def each_view_holds_its_own(self):
        for task_id, view in self.views.items():
            assert _files(self.mounts / task_id) == view


def _files(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in files}


VolumeMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=30)
test_views_commits_and_reloads_follow_the_model = VolumeMachine.TestCase
