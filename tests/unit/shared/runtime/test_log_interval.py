"""Events of each request are logged as one line a minute, with their number."""

from shared.runtime.logs import LogInterval


def test_one_line_a_minute_counts_the_omitted_ones() -> None:
    now_s = 1000.0
    interval = LogInterval(monotonic=lambda: now_s)
    found = []
    for _ in range(90):
        found.append(interval.due())
        now_s += 1.0
    now_s += 3600.0
    found.append(interval.due())
    assert [left_out for left_out in found if left_out is not None] == [0, 59, 29]
