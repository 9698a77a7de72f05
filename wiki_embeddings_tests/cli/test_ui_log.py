"""What of the log of the UI's processes reaches the terminal."""

from __future__ import annotations

from contextlib import closing

from wiki_embeddings.cli.ui_log import UiLog

LOG = """\
\x1b[32m2026-11-26 22:05:34 +0000\x1b[0m - dagster.daemon - \x1b[34mINFO\x1b[0m - It is configured
2026-11-26 22:18:05 +0000 - dagster - DEBUG - __ASSET_JOB - 5379cd03 - 27984 - RUN_START
2026-11-26 22:18:06 +0000 - dagster - ERROR - __ASSET_JOB - 5379cd03 - raw_wikipedia - STEP_FAILURE

dagster._core.definitions.events.Failure: No such wiki. ERROR - it says so

Stack Trace:
  File "execute_plan.py", line 243, in dagster_event_sequence_for_step
\x1b[32m2026-11-26 22:18:07 +0000\x1b[0m - dagster.daemon - \x1b[33mWARNING\x1b[0m - No heartbeat
WARNING:  Invalid HTTP request received.
"""


def test_warnings_and_errors_are_shown_in_a_line_each_without_tracebacks(tmp_path):
    with closing(UiLog(tmp_path / "ui.log")) as log:
        log.writing.write(LOG.encode())
        log.writing.flush()
        assert list(log.warnings()) == [
            "Error: __ASSET_JOB - 5379cd03 - raw_wikipedia - STEP_FAILURE",
            "Warning: No heartbeat",
            "Warning: Invalid HTTP request received.",
        ]
        assert list(log.warnings()) == []
        assert log.last_lines().endswith("Invalid HTTP request received.")


def test_half_a_line_waits_for_its_end(tmp_path):
    with closing(UiLog(tmp_path / "ui.log")) as log:
        log.writing.write(b"WARNING:  Half")
        log.writing.flush()
        assert list(log.warnings()) == []
        log.writing.write(b" a line\n")
        log.writing.flush()
        assert list(log.warnings()) == ["Warning: Half a line"]


def test_a_code_server_that_the_daemon_has_replaced_is_no_warning(tmp_path):
    with closing(UiLog(tmp_path / "ui.log")) as log:
        log.writing.write(
            b"\x1b[32m2026-11-26 23:36:31 +0000\x1b[0m - dagster.code_server - "
            b"\x1b[34mWARNING\x1b[0m - No heartbeat received in 20 seconds, shutting down\n"
        )
        log.writing.flush()
        assert list(log.warnings()) == []
        assert "No heartbeat received" in log.last_lines()
