from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import numpy as np
import pytest

from wiki_embeddings import encoders
from wiki_embeddings.encoders.tei import client as tei_client
from wiki_embeddings.encoders.tei import encoder as tei_encoder
from wiki_embeddings.encoders.tei import server as tei_server
from wiki_embeddings.errors import BadInputError, WikiEmbeddingsError
from wiki_embeddings.hub_files import RetryPolicy
from wiki_embeddings_tests.encoders.references import TINY
from wiki_embeddings_tests.encoders.tei.load_tei import load_tei
from wiki_embeddings_tests.standins.tei.fixtures import LocalTei
from wiki_embeddings_tests.standins.tei.orders import Orders

TEXTS = [f"{'snow ' * (n % 9)}and ice" for n in range(120)]


@pytest.fixture
def small_requests(monkeypatch):
    """Split the texts into ten requests."""
    monkeypatch.setattr(tei_encoder, "REQUEST_INPUTS", 12)


@pytest.fixture
def expected():
    return encoders.load(TINY, "cpu").encode_texts(TEXTS)


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition, seconds=20.0):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "timed out"
        time.sleep(0.02)


@pytest.mark.usefixtures("small_requests")
def test_a_server_that_dies_is_restarted_and_only_unanswered_requests_are_sent_again(
    tei: LocalTei, expected
):
    tei.order(Orders(dies_after=4))
    done: list[int] = []
    with load_tei(TINY) as encoder:
        texts = encoder._sequences.from_texts(TEXTS, query=False)
        vectors = encoder._encode(texts, done.append)
    np.testing.assert_allclose(vectors, expected, atol=1e-6)
    assert len(tei.pids) == 2
    assert sum(done) == len(TEXTS)
    again = sum(request.inputs for request in tei.served if request.life == 1)
    assert again == len(TEXTS) - 4 * 12


def test_a_server_that_dies_twice_on_the_same_passages_is_an_error_with_its_output(tei):
    tei.order(Orders(dies_after=0), Orders(dies_after=0))
    with load_tei(TINY) as encoder:
        with pytest.raises(WikiEmbeddingsError, match=r"(?s)died 2 times.*101.*ILLEGAL_ADDRESS"):
            encoder.encode_texts(TEXTS)
        # The next call starts a third server.
        assert encoder.encode_texts(["snow"]).shape == (1, 48)
    assert len(tei.pids) == 3


def test_a_server_that_died_between_two_calls_is_replaced_without_a_warning(tei, expected, caplog):
    with load_tei(TINY) as encoder:
        os.kill(tei.pids[0], signal.SIGKILL)
        wait_until(lambda: not encoder._session.is_alive)
        np.testing.assert_allclose(encoder.encode_texts(TEXTS), expected, atol=1e-6)
    assert len(tei.pids) == 2
    assert not caplog.records


@pytest.mark.usefixtures("small_requests")
def test_a_server_that_hangs_is_killed_and_replaced(tei, expected, monkeypatch):
    monkeypatch.setattr(tei_client, "TIMEOUT", httpx2.Timeout(1.0))
    tei.order(Orders(hangs_after=3))
    with load_tei(TINY) as encoder:
        np.testing.assert_allclose(encoder.encode_texts(TEXTS), expected, atol=1e-6)
    assert len(tei.pids) == 2
    assert not is_alive(tei.pids[0])


def test_requests_to_an_overloaded_server_are_repeated(tei, expected):
    tei.order(Orders(overloaded=3))
    with load_tei(TINY) as encoder:
        np.testing.assert_allclose(encoder.encode_texts(TEXTS), expected, atol=1e-6)
    assert len(tei.served) == 3 + 1


def test_a_server_that_stays_overloaded_is_an_error(tei, monkeypatch):
    tei.order(Orders(overloaded=1000))
    monkeypatch.setattr(tei_client, "OVERLOAD_RETRIES", RetryPolicy(3, 0.01))
    with load_tei(TINY) as encoder, pytest.raises(WikiEmbeddingsError, match="overloaded"):
        encoder.encode_texts(["snow"])
    assert len(tei.served) == 3


REFUSALS = [
    ((424, "Backend", "DriverError(OUT_OF_MEMORY)"), WikiEmbeddingsError, "OUT_OF_MEM.*memory"),
    ((422, "Validation", "too long"), BadInputError, "status 422: too long. .*chunk again"),
    ((413, "Validation", "length limit"), WikiEmbeddingsError, "limit of 2 MB"),
    ((500, "Backend", "no idea"), WikiEmbeddingsError, "status 500: no idea"),
]


def test_refusals_are_explained(tei):
    tei.order(Orders(fails_with=[refusal for refusal, _, _ in REFUSALS]))
    with load_tei(TINY) as encoder:
        for _, kind, message in REFUSALS:
            with pytest.raises(kind, match=message):
                encoder.encode_texts(["snow"])
    assert len(tei.served) == len(REFUSALS)


UNEXPECTED_ANSWERS = [
    ("[[1, null]]", r"shape \(1, 2\), not \(1, 48\)"),
    (f"[{[0.5] * 47 + [None]}]".replace("None", "null"), "not finite"),
    ('{"vectors": 1}', "no lists of numbers"),
    ("[[1], [2, 3]]", "no lists of numbers"),
]


def test_answers_other_than_vectors_are_refused(tei):
    tei.order(Orders(answers=[answer for answer, _ in UNEXPECTED_ANSWERS]))
    with load_tei(TINY) as encoder:
        for _, message in UNEXPECTED_ANSWERS:
            with pytest.raises(WikiEmbeddingsError, match=message):
                encoder.encode_texts(["snow"])


def test_a_server_that_reads_other_tokens_is_an_error(tei):
    tei.order(Orders(miscounts=[-1, 1]))
    with load_tei(TINY) as encoder:
        for _ in range(2):
            with pytest.raises(BadInputError, match=r"read \d+ tokens where \d+"):
                encoder.encode_texts(["snow"])
        assert encoder.encode_texts(["snow"]).shape == (1, 48)


def test_a_server_that_does_not_start_is_an_error_with_its_output(tei):
    tei.order(Orders(fails_to_start="Error: Could not create backend\n\nCaused by:\n    no luck"))
    with pytest.raises(WikiEmbeddingsError, match=r"(?s)did not start.*status 1.*backend.*no luck"):
        load_tei(TINY)


def test_a_server_that_is_not_up_in_time_is_killed(tei):
    tei.order(Orders(unhealthy_s=3600, says="still warming up"))
    with pytest.raises(WikiEmbeddingsError, match=r"(?s)not up within 2 s.*still warming up"):
        load_tei(TINY, start_timeout_s=2)
    assert not is_alive(tei.pids[0])


def test_a_gpu_build_of_tei_without_gpu_is_refused(tei):
    tei.order(Orders(says="WARN text_embeddings_backend_candle: Using CPU instead"))
    with pytest.raises(WikiEmbeddingsError, match="finds none that it can use"):
        load_tei(TINY)
    assert not is_alive(tei.pids[0])


def test_a_server_that_does_not_match_its_settings_is_refused_with_all_differences(tei):
    other = {
        "model_id": "another/model",
        "version": "1.7.0",
        "model_dtype": "float16",
        "model_type": {"embedding": {"pooling": "mean"}},
        "max_input_length": 32,
        "max_batch_tokens": 1,
    }
    tei.order(Orders(info=other))
    with pytest.raises(WikiEmbeddingsError, match="does not match its settings") as refusal:
        load_tei(TINY)
    for key, value in other.items():
        assert f"{key} is {value!r}, not " in str(refusal.value)
    assert not is_alive(tei.pids[0])


def test_another_port_is_chosen_if_the_first_is_taken_meanwhile(tei, monkeypatch):
    monkeypatch.setattr(tei_client, "HEALTH_TIMEOUT_S", 0.2)  # nothing answers on the taken port
    free_port = tei_server.free_port
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        ports = [somebody.getsockname()[1]]
        monkeypatch.setattr(tei_server, "free_port", lambda: ports.pop() if ports else free_port())
        with load_tei(TINY) as encoder:
            assert encoder.encode_texts(["snow"]).shape == (1, 48)
    assert len(tei.pids) == 2


def test_a_closed_encoder_leaves_nothing_behind_and_refuses_to_encode(tei):
    encoder = load_tei(TINY)
    folder = encoder._session.server.model_folder
    assert folder.is_dir()
    encoder.close()
    encoder.close()
    assert not is_alive(tei.pids[0])
    assert not folder.exists()
    with pytest.raises(WikiEmbeddingsError, match="is closed"):
        encoder.encode_texts(["snow"])
    assert len(tei.pids) == 1


@pytest.mark.usefixtures("small_requests")
def test_closing_fails_the_requests_of_other_threads(tei):
    tei.order(Orders(hangs_after=2))
    encoder = load_tei(TINY)
    errors: list[BaseException] = []

    def encode():
        try:
            encoder.encode_texts(TEXTS)
        except WikiEmbeddingsError as error:
            errors.append(error)

    thread = threading.Thread(target=encode)
    thread.start()
    wait_until(lambda: len(tei.served) > 3)
    encoder.close()
    thread.join(10)
    assert "was closed" in str(errors[0])
    assert len(tei.pids) == 1


def test_the_server_ends_when_its_encoder_is_garbage_collected(tei):
    encoder = load_tei(TINY)
    assert is_alive(tei.pids[0])
    del encoder
    gc.collect()
    wait_until(lambda: not is_alive(tei.pids[0]))


def test_an_interrupt_from_progress_stops_the_encoding_and_spares_the_server(tei, monkeypatch):
    monkeypatch.setattr(tei_encoder, "REQUEST_INPUTS", 1)

    def interrupt(_count):
        raise KeyboardInterrupt

    passages = [np.array([9, 10, 11])] * 200
    with load_tei(TINY) as encoder:
        with pytest.raises(KeyboardInterrupt):
            encoder.encode(passages, progress=interrupt)
        assert encoder.encode(passages[:1]).shape == (1, 48)
    assert len(tei.pids) == 1
    assert len(tei.served) < 200


PARENT = """
import sys, time
from pathlib import Path
from wiki_embeddings_tests.encoders.tei.load_tei import load_tei

encoder = load_tei(Path(sys.argv[1]))
print(encoder._session.server.model_folder, flush=True)
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize("end", ["killed", "exits"])
def test_the_server_and_its_folder_are_gone_after_their_parent(tei, end):
    seconds = "600" if end == "killed" else "0"
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", PARENT, str(TINY), seconds]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as parent:
        assert parent.stdout is not None
        folder = Path(parent.stdout.readline().rstrip())
        assert folder.name.startswith("tei-")
        assert end == "exits" or is_alive(tei.pids[0])
        if end == "killed":
            parent.kill()
        parent.wait(60)
    wait_until(lambda: not is_alive(tei.pids[0]) and not folder.exists())


def test_an_interrupt_from_the_terminal_does_not_reach_the_server(tei):
    with load_tei(TINY):
        assert os.getsid(tei.pids[0]) != os.getsid(0)
