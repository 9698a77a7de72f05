from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders.cpu.bert_graph import bert_graph
from wiki_embeddings.encoders.models.resolve import resolve
from wiki_embeddings.encoders.models.weights import read_weights
from wiki_embeddings_tests.encoders.references import TINY, needs_bfloat16, random_passages

each_precision = pytest.mark.parametrize(
    "precision", ["float32", "int8", pytest.param("bfloat16", marks=needs_bfloat16)]
)


@each_precision
def test_a_vector_does_not_depend_on_the_other_passages(precision):
    encoder = encoders.load(engine="cpu", precision=precision)
    passages = random_passages([254, 254, 1, 120, 120, 120, 64, 1, 7, 7, 7, 64], 30000)
    alone = np.concatenate([encoder.encode([passage]) for passage in passages])
    np.testing.assert_array_equal(encoder.encode(passages), alone)


DIGEST = """
import hashlib, sys
import numpy as np
from wiki_embeddings import encoders

rng = np.random.default_rng(7)
texts = [rng.integers(999, 29999, size=length, dtype=np.uint16) for length in range(0, 250, 31)]
precision, threads = sys.argv[1:]
encoder = encoders.load(engine="cpu", precision=precision, threads=int(threads))
print(hashlib.sha256(encoder.encode(texts).tobytes()).hexdigest())
print(hashlib.sha256(encoder.encode(texts).tobytes()).hexdigest())
"""


@each_precision
def test_every_process_and_number_of_threads_gives_the_same_bytes(precision):
    runs = [
        subprocess.Popen(
            [sys.executable, "-c", DIGEST, precision, threads],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads},  # NumPy's, which calibrates
        )
        for threads in ("1", "2", "3")
    ]
    digests = {digest for run in runs for digest in run.communicate(timeout=120)[0].split()}
    assert all(run.returncode == 0 for run in runs)
    assert len(digests) == 1
    assert len(digests.pop()) == hashlib.sha256().digest_size * 2


def test_the_word_embeddings_are_not_in_the_graph():
    model = resolve()
    bert = model.require_bert()
    weights = read_weights(model.folder, bert)
    words = weights["embeddings.word_embeddings.weight"].nbytes
    graph = bert_graph(weights, bert, model.pooling)
    assert len(graph) < sum(tensor.nbytes for tensor in weights.values()) - words / 2


def test_onnx_runtime_reports_nothing_and_writes_no_identifier(tmp_path):
    code = f"from wiki_embeddings import encoders; encoders.load({str(TINY)!r}, 'cpu')"
    # Telemetry is off in continuous integration anyway, which it knows by other variables.
    bare = {"HOME": str(tmp_path), "PATH": os.environ["PATH"]}
    subprocess.run([sys.executable, "-c", code], check=True, env=bare, timeout=60)
    assert not list(tmp_path.iterdir())


def test_one_encoder_serves_several_threads():
    encoder = encoders.load(TINY, "cpu")
    passages = random_passages(range(60))
    expected = encoder.encode(passages)
    with ThreadPoolExecutor(4) as executor:
        for vectors in executor.map(encoder.encode, [passages] * 8):
            np.testing.assert_array_equal(vectors, expected)


@needs_bfloat16
def test_bfloat16_keeps_vectors_exact():
    passages = random_passages([254, 1, 120, 64, 0, 7, 30], 30000)
    exact = encoders.load(engine="cpu", precision="float32").encode(passages)
    vectors = encoders.load(engine="cpu", precision="bfloat16").encode(passages)
    cosines = np.einsum("ij,ij->i", vectors, exact)
    assert 0.9999 < cosines.min() < 0.9999999, "it is not float32 either"


@needs_bfloat16
def test_a_large_model_is_compiled_once_and_gives_the_same_bytes(monkeypatch):
    import openvino

    from wiki_embeddings.encoders.cpu import openvino_model

    passages = random_passages([254, 254, 1, 120, 64, 64, 0, 7], 30000)
    expected = encoders.load(engine="cpu", precision="bfloat16", threads=3).encode(passages)
    monkeypatch.setattr(openvino_model, "_COPIES_BYTES", 1)
    compiled = []
    compile_model = openvino.Core.compile_model

    def recorded(self, model, device, settings):
        compiled.append(settings["NUM_STREAMS"])
        return compile_model(self, model, device, settings)

    monkeypatch.setattr(openvino.Core, "compile_model", recorded)
    vectors = encoders.load(engine="cpu", precision="bfloat16", threads=3).encode(passages)
    np.testing.assert_array_equal(vectors, expected)
    assert compiled == ["3"]
