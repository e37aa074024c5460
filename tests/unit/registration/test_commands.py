"""Waiting for the outcome of a command while the database is slow."""

from typing import Any, cast

import pytest

from services.registration.intake.service import Intake
from services.registration.own.commands import wait_for_outcome
from shared.runtime.errors import Unavailable


class IntakeAway:
    """Its database does not answer."""

    def receipt(self, _receipt: str) -> Any:
        raise Unavailable("the database is down")


def test_outcome_is_not_known_while_the_database_is_away() -> None:
    """The command is stored: it is not an outage for the person who has sent it."""
    assert wait_for_outcome(cast(Intake, IntakeAway()), "receipt") is None


class SlowIntake:
    """Has no outcome, and takes a second to return."""

    def __init__(self) -> None:
        self.now_s, self.asked = 0.0, 0

    def receipt(self, _receipt: str) -> Any:
        self.now_s, self.asked = self.now_s + 1.0, self.asked + 1

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


def test_time_that_the_database_takes_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    intake = SlowIntake()
    monkeypatch.setattr("services.registration.own.commands.time.monotonic", lambda: intake.now_s)
    assert wait_for_outcome(cast(Intake, intake), "receipt", within_s=2.0, sleep=intake.sleep) is None
    assert (intake.asked, intake.now_s < 3.1) == (2, True)
