from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version

import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders.models.known import DEFAULT_MODEL
from wiki_embeddings.errors import BadInputError
from wiki_embeddings_tests.encoders.references import TINY


@pytest.mark.parametrize("engine", ["auto", "cpu"])
def test_what_describe_says_is_what_load_loads(engine):
    assert encoders.describe(TINY, engine) == encoders.load(TINY, engine).info


def test_the_bundled_model_and_the_engine_auto_are_the_defaults():
    assert encoders.describe() == encoders.describe(DEFAULT_MODEL, "auto")


def test_the_description_names_all_that_decides_the_vectors():
    info = encoders.describe(engine="cpu", precision="float32")
    assert info == encoders.EncoderInfo(
        model="sentence-transformers/all-MiniLM-L6-v2",
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


@pytest.mark.parametrize("ask", [encoders.load, encoders.describe])
def test_an_unknown_engine_is_refused_with_the_list(ask):
    with pytest.raises(BadInputError, match=r"no engine 'gpu'.*auto, cpu"):
        ask(TINY, "gpu")


@pytest.mark.parametrize("ask", [encoders.load, encoders.describe])
def test_another_precision_is_refused(ask):
    with pytest.raises(BadInputError, match=r"cpu computes in float32 or int8, not in 'int4'"):
        ask(TINY, "cpu", precision="int4")


@pytest.mark.parametrize("threads", [0, -2])
def test_less_than_one_thread_is_refused(threads):
    with pytest.raises(BadInputError, match=f"{threads} threads"):
        encoders.load(TINY, "cpu", threads=threads)


def test_describing_loads_no_engine_where_there_is_no_gpu():
    code = (
        "import sys\n"
        "from wiki_embeddings import encoders\n"
        "from wiki_embeddings.encoders.cuda import gpu\n"
        "gpu._DRIVER = 'no_such_driver.so'\n"
        "import wiki_embeddings.encoders.models.resolve\n"
        "encoders.describe()\n"
        "heavy = {'onnx', 'onnxruntime', 'torch', 'tokenizers', 'huggingface_hub'}\n"
        "assert not heavy & sys.modules.keys(), heavy & sys.modules.keys()\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
