from __future__ import annotations

import logging
import sys
from types import SimpleNamespace

import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders import engines
from wiki_embeddings.encoders.cuda import gpu
from wiki_embeddings.encoders.cuda.gpu import GpuProblem
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.encoders.references import TINY

ask_for = pytest.mark.parametrize("ask", [encoders.load, encoders.describe])


@pytest.fixture
def fake_torch(monkeypatch):
    """A PyTorch on a machine with NVIDIA's driver; says what it is told to say."""
    torch = SimpleNamespace(
        __version__="2.13.0",
        version=SimpleNamespace(cuda="13.0"),
        cuda=SimpleNamespace(is_available=lambda: True),
    )
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(gpu, "find_spec", lambda _name: object())
    monkeypatch.setattr(gpu, "_has_driver", lambda: True)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return torch


def test_the_engines_are_listed_by_name():
    assert encoders.ENGINES == ("auto", "cpu", "cuda", "tei")


@ask_for
def test_a_gpu_without_pytorch_is_refused_with_what_installs_it(ask, monkeypatch):
    monkeypatch.setattr(gpu, "find_spec", lambda _name: None)
    with pytest.raises(BadInputError, match=r"engine cuda cannot run here.*pip install -e '\.\["):
        ask(TINY, "cuda")


@ask_for
def test_a_machine_without_gpu_is_refused_without_importing_pytorch(ask, monkeypatch):
    monkeypatch.setattr(gpu, "find_spec", lambda _name: object())
    monkeypatch.setattr(gpu, "_DRIVER", "no_such_driver.so")
    monkeypatch.setitem(sys.modules, "torch", None)  # so that importing it fails
    with pytest.raises(BadInputError, match=r"no NVIDIA GPU.*Take the engine cpu"):
        ask(TINY, "cuda")


@ask_for
def test_a_build_of_pytorch_without_cuda_is_refused(ask, fake_torch):
    fake_torch.version.cuda = None
    with pytest.raises(BadInputError, match=r"2\.13\.0 is built without CUDA"):
        ask(TINY, "cuda")


@ask_for
def test_a_gpu_that_pytorch_cannot_use_is_refused(ask, fake_torch):
    fake_torch.cuda.is_available = lambda: False
    with pytest.raises(BadInputError, match=r"no usable GPU.*CUDA 13\.0.*CUDA_VISIBLE_DEVICES"):
        ask(TINY, "cuda")


@ask_for
def test_an_old_pytorch_is_refused(ask, fake_torch, monkeypatch):
    fake_torch.__version__ = "2.8.0"
    monkeypatch.setattr(gpu, "find_spec", lambda name: object() if name == "torch" else None)
    with pytest.raises(BadInputError, match=r"2\.8\.0 is too old"):
        ask(TINY, "cuda")


@pytest.mark.usefixtures("fake_torch")
def test_auto_is_the_gpu_where_there_is_one():
    assert engines.select("auto") == "cuda"


def test_auto_is_the_processor_where_there_is_no_gpu_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(engines, "find_gpu_problem", lambda: GpuProblem("There is none."))
    with caplog.at_level(logging.INFO):
        assert encoders.describe(TINY, "auto") == encoders.describe(TINY, "cpu")
    assert "The engine auto is cpu here. There is none." in caplog.text


@ask_for
def test_auto_refuses_to_pass_over_a_gpu_that_does_not_work(ask, fake_torch):
    fake_torch.cuda.is_available = lambda: False
    with pytest.raises(BadInputError, match=r"(?s)unused.*no usable GPU.*choose the engine cpu"):
        ask(TINY, "auto")
    assert ask(TINY, "cpu")


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_auto_is_the_processor_where_the_user_hides_the_gpu(fake_torch, monkeypatch, hidden):
    fake_torch.cuda.is_available = lambda: False
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert engines.select("auto") == "cpu"
    with pytest.raises(BadInputError, match="CUDA_VISIBLE_DEVICES hides every GPU"):
        encoders.describe(TINY, "cuda")


def test_auto_is_the_processor_where_pytorch_is_built_for_it_alone(fake_torch):
    fake_torch.version.cuda = None
    assert engines.select("auto") == "cpu"


@ask_for
def test_an_engine_that_cannot_run_is_refused_before_its_model_is_looked_for(ask, monkeypatch):
    monkeypatch.setattr(engines, "find_gpu_problem", lambda: GpuProblem("There is none."))
    with pytest.raises(BadInputError, match=r"engine cuda cannot run here\. There is none\."):
        ask("no model/of this name", "cuda")


@ask_for
@pytest.mark.parametrize(
    ("engine", "own", "other"),
    [("cpu", "float32 or int8", "float16"), ("cuda", "float16", "float32")],
)
def test_a_precision_that_an_engine_does_not_have_is_refused(ask, engine, own, other):
    with pytest.raises(BadInputError, match=f"{engine} computes in {own}, not in '{other}'"):
        ask(TINY, engine, precision=other)
