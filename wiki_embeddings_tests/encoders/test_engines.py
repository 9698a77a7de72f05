from __future__ import annotations

import logging
import sys
from importlib.metadata import version
from types import SimpleNamespace

import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders import engines
from wiki_embeddings.encoders.cpu import processor
from wiki_embeddings.encoders.cuda import gpu
from wiki_embeddings.encoders.cuda.gpu import GpuProblem
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.encoders.references import TINY, needs_bfloat16

load_and_describe = pytest.mark.parametrize("function", [encoders.load, encoders.describe])


@pytest.fixture
def fake_torch(monkeypatch):
    """A stand-in for PyTorch on a machine with NVIDIA's driver; a test may change its answers."""
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


@pytest.fixture(params=["avx512_bf16", "amx_bf16"])
def multiplies_bfloat16(request, monkeypatch):
    monkeypatch.setattr(processor, "processor_flags", lambda: frozenset({"avx2", request.param}))


@load_and_describe
def test_bfloat16_without_instructions_for_it_is_refused(function, monkeypatch):
    monkeypatch.setattr(processor, "processor_flags", lambda: frozenset({"avx2"}))
    with pytest.raises(BadInputError, match=r"in bfloat16 here\. Its processor has no inst"):
        function(TINY, "cpu", precision="bfloat16")


@load_and_describe
@pytest.mark.usefixtures("multiplies_bfloat16")
def test_bfloat16_without_openvino_is_refused_with_the_command_that_installs_it(
    function, monkeypatch
):
    monkeypatch.setattr(processor, "find_spec", lambda _name: None)
    with pytest.raises(BadInputError, match=r"pip install -e '\.\[openvino\]'"):
        function(TINY, "cpu", precision="bfloat16")


@needs_bfloat16
def test_bfloat16_is_computed_by_openvino():
    assert encoders.describe(TINY, "cpu", precision="bfloat16").runtime == (
        f"openvino {version('openvino')}"
    )


def test_the_engines_are_listed_by_name():
    assert encoders.ENGINES == ("auto", "cpu", "cuda", "tei")


@load_and_describe
def test_cuda_without_pytorch_is_refused_with_the_command_that_installs_it(function, monkeypatch):
    monkeypatch.setattr(gpu, "find_spec", lambda _name: None)
    with pytest.raises(BadInputError, match=r"engine cuda cannot run here.*pip install -e '\.\["):
        function(TINY, "cuda")


@load_and_describe
def test_cuda_without_a_gpu_is_refused_without_importing_pytorch(function, monkeypatch):
    monkeypatch.setattr(gpu, "find_spec", lambda _name: object())
    monkeypatch.setattr(gpu, "_DRIVER", "no_such_driver.so")
    monkeypatch.setitem(sys.modules, "torch", None)  # so that importing it fails
    with pytest.raises(BadInputError, match=r"no NVIDIA GPU.*Choose the engine cpu"):
        function(TINY, "cuda")


@load_and_describe
def test_a_build_of_pytorch_without_cuda_is_refused(function, fake_torch):
    fake_torch.version.cuda = None
    with pytest.raises(BadInputError, match=r"2\.13\.0 is built without CUDA"):
        function(TINY, "cuda")


@load_and_describe
def test_a_gpu_that_pytorch_cannot_use_is_refused(function, fake_torch):
    fake_torch.cuda.is_available = lambda: False
    with pytest.raises(
        BadInputError, match=r"CUDA 13\.0, finds no usable GPU.*CUDA_VISIBLE_DEVICES"
    ):
        function(TINY, "cuda")


@load_and_describe
def test_an_old_pytorch_is_refused(function, fake_torch, monkeypatch):
    fake_torch.__version__ = "2.8.0"
    monkeypatch.setattr(gpu, "find_spec", lambda name: object() if name == "torch" else None)
    with pytest.raises(BadInputError, match=r"2\.8\.0 is too old"):
        function(TINY, "cuda")


@pytest.mark.usefixtures("fake_torch")
def test_auto_is_cuda_on_a_machine_with_a_gpu():
    assert engines.select("auto") == "cuda"


def test_auto_is_cpu_on_a_machine_without_gpu_and_logs_why(monkeypatch, caplog):
    monkeypatch.setattr(engines, "find_gpu_problem", lambda: GpuProblem("No GPU."))
    with caplog.at_level(logging.INFO):
        assert encoders.describe(TINY, "auto") == encoders.describe(TINY, "cpu")
    assert "The engine auto is cpu here. No GPU." in caplog.text


@load_and_describe
def test_auto_refuses_a_machine_with_a_broken_gpu(function, fake_torch):
    fake_torch.cuda.is_available = lambda: False
    with pytest.raises(BadInputError, match=r"(?s)unused.*no usable GPU.*choose the engine cpu"):
        function(TINY, "auto")
    assert function(TINY, "cpu")


@pytest.mark.parametrize("hidden", ["", "-1"])
def test_auto_is_cpu_if_the_user_hides_the_gpu(fake_torch, monkeypatch, hidden):
    fake_torch.cuda.is_available = lambda: False
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert engines.select("auto") == "cpu"
    with pytest.raises(BadInputError, match="CUDA_VISIBLE_DEVICES hides every GPU"):
        encoders.describe(TINY, "cuda")


def test_auto_is_cpu_if_pytorch_is_built_without_cuda(fake_torch):
    fake_torch.version.cuda = None
    assert engines.select("auto") == "cpu"


@load_and_describe
def test_an_engine_that_cannot_run_is_refused_before_the_model_is_resolved(function, monkeypatch):
    monkeypatch.setattr(engines, "find_gpu_problem", lambda: GpuProblem("No GPU."))
    with pytest.raises(BadInputError, match=r"engine cuda cannot run here\. No GPU\."):
        function("no model/of this name", "cuda")


@load_and_describe
@pytest.mark.parametrize(
    ("engine", "supported", "other"),
    [
        ("cpu", "float32 or bfloat16 or int8", "float16"),
        ("cpu", "float32 or bfloat16 or int8", "int4"),
        ("cuda", "float16", "float32"),
    ],
)
def test_a_precision_that_the_engine_does_not_support_is_refused(
    function, engine, supported, other
):
    with pytest.raises(BadInputError, match=f"{engine} computes in {supported}, not in '{other}'"):
        function(TINY, engine, precision=other)
