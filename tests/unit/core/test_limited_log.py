"""What happens to each request leaves one line a minute, with how many there were."""

import logging

import pytest

from shared.core.logs import LimitedLog


def test_one_line_a_minute_says_how_many_were_left_out(caplog: pytest.LogCaptureFixture) -> None:
    now_s = 1000.0
    limited = LimitedLog(logging.getLogger("test"), logging.WARNING, "it is away", monotonic=lambda: now_s)
    for _ in range(90):
        limited.write(kind="connection")
        now_s += 1.0
    now_s += 3600.0
    limited.write(kind="timeout")
    found = [(each.getMessage(), vars(each)["kind"], vars(each)["left_out"]) for each in caplog.records]
    assert found == [("it is away", "connection", 0), ("it is away", "connection", 59), ("it is away", "timeout", 29)]
