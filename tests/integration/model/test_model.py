"""Random histories agree with the model, after every step and at rest. The seed is printed; it repeats them."""

import secrets

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.model.machine import Machine

SHORT = settings(
    max_examples=100,
    stateful_step_count=30,
    derandomize=False,
    database=None,
    deadline=None,
    print_blob=True,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
)
FULL = settings(SHORT, max_examples=2000, stateful_step_count=50)


@pytest.mark.timeout(5400)
def test_histories_agree_with_the_model(
    machine: type[Machine], pytestconfig: pytest.Config, chaos_full: bool, chaos_seed: int
) -> None:
    """100 of 30 steps, or 2,000 of 50 with ``--chaos=full``."""
    drawn = chaos_seed if chaos_full else secrets.randbits(32)
    number = int(pytestconfig.getoption("--hypothesis-seed") or drawn)
    print(f"to repeat these histories: --hypothesis-seed={number}")
    run_state_machine_as_test(hypothesis.seed(number)(machine), settings=FULL if chaos_full else SHORT)
