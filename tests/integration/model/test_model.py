"""Random histories agree with the model, after every step and at rest. The seed is printed; it repeats them."""

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import cast

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.model.history import TICK
from tests.integration.model.machine import Machine
from tests.integration.model.retention import KEPT, LASTS, NOTICE
from tests.integration.model.rules import EVENTS

SHORT = settings(
    max_examples=20,
    stateful_step_count=30,
    derandomize=False,
    database=None,
    deadline=None,
    print_blob=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
FULL = settings(SHORT, max_examples=500, stateful_step_count=50)


@pytest.mark.timeout(5400)
def test_histories_agree_with_the_model(
    machine: type[Machine], pytestconfig: pytest.Config, chaos_full: bool, chaos_seed: int
) -> None:
    """20 of 30 steps, or 500 of 50 with ``--chaos=full``."""
    drawn = chaos_seed if chaos_full else secrets.randbits(32)
    number = int(pytestconfig.getoption("--hypothesis-seed") or drawn)
    print(f"to repeat these histories: --hypothesis-seed={number}")
    run_state_machine_as_test(hypothesis.seed(number)(machine), settings=FULL if chaos_full else SHORT)


def test_histories_agree_with_the_model_when_people_are_forgotten(machine: type[Machine]) -> None:
    """One gave their place back, one has it when the webinar is over, one waits: each is kept for ninety days."""
    history = cast(Callable[[], Machine], machine)()
    history.begin([("at-once", who, "A. B.", None, True, None) for who in ("ada", "ben", "cleo")])
    history.cancel(index=0, lost=False, soon=True)
    for index in (1, 2):  # a button of their own page, so that they do not lapse
        history.press_old_buttons(index, kind="accept-seat", lost=False, soon=True)
    ends_at = EVENTS["webinar"] + LASTS
    for last, gone in ((history.databases.clock(), 1), (ends_at, 3)):
        history.databases.clock.set(last + KEPT - NOTICE)
        history.tend()
        for instant in (last + KEPT, last + KEPT + TICK):
            history.databases.clock.set(instant)
            for index in range(3):
                history.press_old_buttons(index, kind="cancel", lost=False, soon=True)
            if instant == ends_at + KEPT:
                history.press_old_buttons(index=1, kind="erase", lost=False, soon=True)  # by a link that has just ended
            history.tend()
            history.model_is_database()
        assert sum(who["erased"] for who in history.model.people.values()) == gone
    history.databases.clock.advance(timedelta(days=1))
    history.teardown()
