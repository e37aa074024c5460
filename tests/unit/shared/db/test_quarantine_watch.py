"""What a process may do on an old answer about quarantine."""

import pytest

from shared.db.quarantine import CHECK_EVERY_S
from shared.runtime.errors import Quarantined, Unavailable
from tests.support.quarantine_row import ROW, OneRow


def test_no_transaction_begins_on_an_answer_from_before_an_outage() -> None:
    """The database may have been restored in between, and be there again before it is asked."""
    database = OneRow()
    watch = database.watch()
    watch.require_none()
    database.away, database.now_s = True, CHECK_EVERY_S
    watch.require_none()  # a short loss changes nothing
    database.now_s = 3600.0
    for require in (watch.require_none, watch.require_none_or_settling, watch.recent):
        with pytest.raises(Unavailable, match="not known"):
            require()
    assert watch.current() is None, "pages that are kept are shown"
    database.away, database.row = False, ROW
    with pytest.raises(Unavailable, match="not known"):
        watch.require_none()
    database.now_s += CHECK_EVERY_S
    with pytest.raises(Quarantined):
        watch.require_none()


def test_process_that_was_idle_continues_with_a_new_answer() -> None:
    database = OneRow()
    watch = database.watch()
    watch.require_none()
    database.now_s = 3600.0
    watch.require_none()


def test_database_is_queried_once_a_second_at_any_request_rate() -> None:
    database = OneRow()
    watch = database.watch()
    for second in range(3):
        database.now_s = second * CHECK_EVERY_S
        for want in (watch.current, watch.recent, watch.require_none, watch.require_none_or_settling):
            want()
        assert database.asked == second + 1
