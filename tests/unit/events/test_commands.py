"""The commands of the service that need no database."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from services.events.__main__ import command_line
from shared.runtime.errors import SettingsError

SAMPLE = Path(__file__).parents[3] / "deploy" / "samples" / "upr2020"


def test_the_service_has_the_promised_commands() -> None:
    assert sorted(command_line().commands) == [
        "confirm-time",
        "consume",
        "desk",
        "export",
        "key-checks",
        "load",
        "migrate",
        "parked",
        "public",
        "publish-again",
        "receive-again",
        "rekey",
        "relay",
        "resume",
        "solve",
        "topology",
        "web",
        "work",
    ]


@pytest.mark.parametrize("event_id", ["no-such-event", "upr-cities-training"])
def test_moving_by_an_event_without_a_date_is_refused_before_any_database_is_needed(event_id: str) -> None:
    result = CliRunner().invoke(command_line(), ["load", str(SAMPLE), "--move-to-next", event_id])
    assert isinstance(result.exception, SettingsError)
    assert result.exception.problems == [f"events.yaml: there is no event {event_id!r} with a date to move by"]
