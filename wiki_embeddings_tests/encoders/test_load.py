from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders.models.known import DEFAULT_MODEL
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.encoders.references import TINY

load_and_describe = pytest.mark.parametrize("function", [encoders.load, encoders.describe])


@pytest.mark.parametrize("engine", ["auto", "cpu"])
def test_describe_agrees_with_the_loaded_encoder(engine):
    assert encoders.describe(TINY, engine) == encoders.load(TINY, engine).info


def test_the_defaults_are_the_bundled_model_and_the_engine_auto():
    assert encoders.describe() == encoders.describe(DEFAULT_MODEL, "auto")


def test_describe_names_everything_that_decides_the_vectors():
    info = encoders.describe(engine="cpu", precision="float32")
    assert info == encoders.EncoderInfo(
        model="sentence-transformers/all-MiniLM-L6-v2",
        identity="sentence-transformers/all-MiniLM-L6-v2",
        revision="1110a243fdf4706b3f48f1d95db1a4f5529b4d41",
        weights_sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        dimensions=384,
        pooling="mean",
        max_length=256,
        query_prefix="",
        passage_prefix="",
        engine="cpu",
        runtime=f"onnxruntime {version('onnxruntime')}",
        precision="float32",
    )


@load_and_describe
def test_an_unknown_engine_is_refused_with_the_known_ones(function):
    with pytest.raises(BadInputError, match=r"no engine 'gpu'.*auto, cpu"):
        function(TINY, "gpu")


@pytest.mark.parametrize("threads", [0, -2])
def test_fewer_than_one_thread_is_refused(threads):
    with pytest.raises(BadInputError, match=f"{threads} threads"):
        encoders.load(TINY, "cpu", threads=threads)


ENGINE_LIBRARIES = {"onnx", "onnxruntime", "torch", "tokenizers", "huggingface_hub", "httpx2"}


def loaded_libraries(code: str) -> set[str]:
    """Top-level modules in a new process after it has run some code."""
    show = "import sys; print(*{name.partition('.')[0] for name in sys.modules})"
    command = [sys.executable, "-c", f"{code}\n{show}"]
    return set(subprocess.check_output(command, text=True, timeout=60).split())


@pytest.mark.parametrize("module", ["encoders", "encoders.engines", "encoders.protocol"])
def test_importing_loads_neither_an_engine_nor_an_array_library(module):
    loaded = loaded_libraries(f"import wiki_embeddings.{module}")
    assert not loaded & {*ENGINE_LIBRARIES, "numpy", "pyarrow", "safetensors"}


def test_describing_loads_no_engine_on_a_machine_without_gpu():
    code = (
        "from wiki_embeddings import encoders\n"
        "from wiki_embeddings.encoders.cuda import gpu\n"
        "gpu._DRIVER = 'no_such_driver.so'\n"
        "encoders.describe()"
    )
    assert not loaded_libraries(code) & ENGINE_LIBRARIES
