"""Random histories agree with the model, after every step and at rest."""

import secrets
from collections.abc import Callable

import hypothesis
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.integration.model.machine import Machine

SHORT = settings(
    max_examples=int(__import__('os').environ.get('N','300')),
    stateful_step_count=30,
    derandomize=False,
    database=None,
    deadline=None,
    print_blob=True,
    phases=(Phase.generate, Phase.shrink) if __import__('os').environ.get('SHRINK') else (Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


def test_histories_agree_with_the_model(machine: Callable[[], Machine], request: pytest.FixtureRequest) -> None:
    seed = request.config.getoption("--hypothesis-seed") or secrets.randbits(32)
    print(f"to repeat: --hypothesis-seed={seed}")
    run_state_machine_as_test(hypothesis.seed(int(seed))(machine), settings=SHORT)
