"""Each operator's command declares what it does while its service's database is in quarantine."""

import click
import pytest

from shared.cli.operator_command import InQuarantine, OperatorGroup
from tests.support.operator_commands import SERVICES, command_line, declarations

REFUSED, READS, RECOVERS, WAITS = (
    InQuarantine.REFUSED,
    InQuarantine.READS,
    InQuarantine.RECOVERS,
    InQuarantine.WAITS,
)
COMMON = {
    "web": WAITS,
    "work": WAITS,
    "relay": WAITS,
    "consume": WAITS,
    "migrate": RECOVERS,
    "confirm-time": REFUSED,
    "parked list": READS,
    "parked show": READS,
    "parked replay": REFUSED,
    "parked drop": REFUSED,
    "parked drain": REFUSED,
    "resume": RECOVERS,
    "publish-again": REFUSED,
    "receive-again": REFUSED,
    "topology check": READS,
    "topology declare": RECOVERS,
    "topology definitions": READS,
    "topology grow": RECOVERS,
    "topology import": RECOVERS,
    "key-checks list": READS,
    "key-checks accept": RECOVERS,
}
OWN = {
    "registration": {
        "forms": WAITS,
        "own": WAITS,
        "desk": WAITS,
        "decide": WAITS,
        "tend": WAITS,
        "load": REFUSED,
        "keys list": READS,
        "keys replace": REFUSED,
        "keys wrap": REFUSED,
        "keys copy": REFUSED,
        "keys destroy": REFUSED,
        "retention": READS,
        "retention confirm": REFUSED,
        "submissions list": READS,
        "submissions replay": REFUSED,
        "submissions drop": REFUSED,
        "submissions keys": REFUSED,
    },
    "events": {"public": WAITS, "desk": WAITS, "solve": WAITS, "load": REFUSED, "export": READS, "rekey": REFUSED},
    "notifications": {
        "public": WAITS,
        "desk": WAITS,
        "send": WAITS,
        "schedule": WAITS,
        "deliver": WAITS,
        "rekey": REFUSED,
        "mails list": READS,
        "mails send-again": REFUSED,
    },
}


@pytest.mark.parametrize("service", SERVICES)
def test_what_each_command_does_in_quarantine(service: str) -> None:
    assert declarations(command_line(service)) == COMMON | OWN[service]


def test_command_without_a_declaration_cannot_be_made() -> None:
    group = OperatorGroup("service")
    with pytest.raises(TypeError, match="in_quarantine"):
        group.command("load")(lambda: None)
    for undeclared in (click.Command("load"), click.Group("keys")):
        with pytest.raises(TypeError, match=f"{undeclared.name} does not declare"):
            group.add_command(undeclared)
    assert group.commands == {}
