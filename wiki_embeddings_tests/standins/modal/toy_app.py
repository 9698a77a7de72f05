"""An app for the tests of the control plane: small functions that show how containers behave.

Tests copy this file to a folder and deploy it from there. A container is a plain process, so
functions and tests communicate by files of this machine, named by absolute path.
"""

import importlib.util
import os
import subprocess
import sys
import time
from pathlib import Path

import modal

VERSION = 1

app = modal.App("toy")


def prepare() -> None:
    """A build step, which is recorded and not run."""
    raise AssertionError("build functions are not run")


image = (
    modal.Image.debian_slim()
    .env({"TOY_FOLDER": "/data/toy", "TOY_WORD": "from the image"})
    .run_function(prepare)
)

toy_secret = modal.Secret.from_name("toy-secret", required_keys=["TOY_TOKEN"])


@app.function(image=image, max_containers=3)
def double(number: int) -> int:
    """Twice a number."""
    return 2 * number


@app.function(image=image, secrets=[toy_secret], cpu=2.0, memory=512)
def describe() -> dict[str, object]:
    """What a container sees."""
    return {
        "version": VERSION,
        "environment": dict(os.environ),
        "folder": str(Path.cwd()),
        "code": __file__,
        "sees the checkout": importlib.util.find_spec("wiki_embeddings") is not None,
        "command": Path("/proc/self/cmdline").read_text().split("\0"),
        "is local": modal.is_local(),
    }


@app.function(image=image, max_containers=4, retries=modal.Retries(max_retries=2))
def hold(folder: str, name: str, word: str = "go") -> str:
    """Write that it has begun, then wait for a file."""
    with Path(folder, f"{name}.begun").open("a") as file:
        file.write(f"{os.environ['MODAL_TASK_ID']}\n")
    while not Path(folder, word).exists():
        time.sleep(0.01)
    return f"{name} {VERSION}"


@app.function(image=image, timeout=2, startup_timeout=60, max_containers=1)
def too_slow(name: str, seconds: float) -> str:
    """Take longer than its timeout."""
    time.sleep(seconds)
    return name


@app.function(image=image, max_containers=2, retries=modal.Retries(max_retries=2))
def flaky(folder: str, name: str, failures: int) -> int:
    """Fail a number of times, then return the number of attempts."""
    tries = Path(folder, f"{name}.tries")
    with tries.open("a") as file:
        file.write(".")
    count = tries.stat().st_size
    if count <= failures:
        raise ValueError(f"attempt {count} of {name}")
    return count


@app.function(image=image, max_containers=1)
def crash(folder: str, name: str, crashes: int) -> int:
    """End its process a number of times, then return the number of attempts."""
    tries = Path(folder, f"{name}.tries")
    with tries.open("a") as file:
        file.write(".")
    count = tries.stat().st_size
    if count <= crashes:
        os._exit(1)
    return count


@app.function(image=image)
def echo(data: bytes) -> bytes:
    """Return the argument."""
    return data


@app.function(image=image)
def leave_behind() -> int:
    """Start a process outside of the container's process group."""
    code = "import time; time.sleep(600)"
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True).pid


@app.cls(image=image, startup_timeout=3)
class SlowStarter:
    """Never finishes its first start."""

    folder: str = modal.parameter()

    @modal.enter()
    def load(self) -> None:
        """Block at the first start."""
        with Path(self.folder, "starts").open("a") as file:
            file.write(".")
        if self.starts_so_far() == 1:
            time.sleep(600)

    def starts_so_far(self) -> int:
        """Number of containers that began to start."""
        return Path(self.folder, "starts").stat().st_size

    @modal.method()
    def starts(self) -> int:
        """Number of containers that were started."""
        return self.starts_so_far()


@app.cls(image=image, gpu="A10G", max_containers=2)
@modal.concurrent(max_inputs=2)
class Greeter:
    """Greets by a parameter's word."""

    word: str = modal.parameter(default="hello")

    @modal.enter()
    def load(self) -> None:
        """Prepare."""
        self.loaded = os.environ["MODAL_TASK_ID"]

    @modal.method()
    def greet(self, name: str) -> tuple[str, str]:
        """Return a greeting, and the container."""
        return f"{self.word} {name}", self.loaded

    @modal.method()
    def hold(self, folder: str, name: str) -> str:
        """Write that it has begun, then wait for a file."""
        Path(folder, f"{name}.begun").write_text(self.loaded)
        while not Path(folder, "go").exists():
            time.sleep(0.01)
        return name
