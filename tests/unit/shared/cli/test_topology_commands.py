"""``topology check | grow | import`` against answers of the management API."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from shared.cli.settings import CommonSettings
from shared.cli.topology import check, check_members, grow, import_definitions
from shared.messaging import topology
from shared.messaging.broker import BusAddress
from shared.runtime.errors import SettingsError
from tests.unit.shared.messaging.broker_api import A, B, BrokerApi, C, serving

QUEUES = list(topology.queue_arguments())
BUS = BusAddress(broker_urls=("amqp://user:password@127.0.0.1/troika",))
NOWHERE = "http://admin:secret-password@127.0.0.1:1"


@pytest.fixture
def api() -> Iterator[BrokerApi]:
    """Three nodes; every queue has two members, as when its node loaded the definitions before the third came."""
    with serving(BrokerApi({A: True, B: True, C: True}, {name: [A, B] for name in QUEUES})) as found:
        yield found


def settings(*urls: str) -> CommonSettings:
    return CommonSettings("events", "topology", bus=BUS, management_urls=urls)


def printed(capsys: pytest.CaptureFixture[str]) -> list[str]:
    found = capsys.readouterr()
    assert "secret-password" not in found.out + found.err
    return [*found.out.splitlines(), *found.err.splitlines()]


def test_queues_with_two_members_of_three_are_not_complete(api: BrokerApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert check_members(settings(api.url), ()) == 1
    assert printed(capsys) == [
        *(f"{name}: 2 of 3 members, none on {C} → `topology grow`" for name in sorted(QUEUES)),
        "nodes: 3, of which 3 run",
        f"queues: {len(QUEUES)}, of which 0 have all 3 members",
        f"leaders: {A} {len(QUEUES)}, {B} 0, {C} 0",
        "not complete",
    ]


@pytest.mark.parametrize(
    ("urls", "absent", "code", "reason"),
    [
        ((), (), 3, "TROIKA_BROKER_MANAGEMENT_URL is not set"),
        ((NOWHERE,), (), 3, "127.0.0.1:1: no connection"),
        ((NOWHERE,), ("troika.facts",), 1, "127.0.0.1:1: no connection"),
    ],
)
def test_members_that_were_not_asked_are_not_called_complete(
    urls: Sequence[str], absent: Sequence[str], code: int, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check_members(settings(*urls), absent) == code
    lines = printed(capsys)
    assert lines[-1] == f"members of queues: not checked: {reason}"
    assert "complete" not in " ".join(lines)


def test_wrong_password_is_named(api: BrokerApi, capsys: pytest.CaptureFixture[str]) -> None:
    api.refusals["/api/nodes"] = (401, {"error": "not_authorized", "reason": "Not_Authorized"})
    assert check_members(settings(api.url), ()) == 3
    assert "401 for /api/nodes: the login is not known, or its password is wrong" in printed(capsys)[-1]


def test_queue_that_the_api_leaves_out_is_not_complete(api: BrokerApi, capsys: pytest.CaptureFixture[str]) -> None:
    for members in api.members.values():
        members.append(C)
    del api.members["events.rollup"]
    assert check_members(settings(api.url), ()) == 1
    assert printed(capsys)[0].startswith("events.rollup: the management API does not list it")


def test_second_node_is_asked_when_the_first_is_away(api: BrokerApi, capsys: pytest.CaptureFixture[str]) -> None:
    for members in api.members.values():
        members.append(C)
    assert check_members(settings(NOWHERE, api.url), ()) == 0
    assert printed(capsys)[-1] == "complete"


def test_node_that_is_down_is_missing(api: BrokerApi, capsys: pytest.CaptureFixture[str]) -> None:
    for members in api.members.values():
        members.append(C)
    api.nodes[C] = False
    assert check_members(settings(api.url), ()) == 1
    lines = printed(capsys)
    assert lines[0] == f"{min(QUEUES)}: its member on {C} is down → start {C}, or replace it"
    assert f"nodes: 3, of which 2 run; down: {C}" in lines


def test_embedded_bus_is_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert check(CommonSettings("events", "topology", bus=BusAddress(database_url="postgresql://"))) == 0
    assert printed(capsys) == ["complete"]


def test_grow_adds_members_and_spreads_leaders_once(api: BrokerApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert grow(settings(api.url), dry_run=False) == 0
    lines = printed(capsys)
    assert lines[: len(QUEUES)] == [f"{name}: member added on {C}" for name in sorted(QUEUES)]
    assert lines[-1] == f"{len(QUEUES)} members added"
    assert {tuple(sorted(members)) for members in api.members.values()} == {(A, B, C)}
    assert api.changes[-1] == "/api/rebalance/queues"
    api.changes.clear()
    assert grow(settings(api.url), dry_run=False) == 0
    assert (api.changes, printed(capsys)[-1]) == ([], "no members to add")


def test_dry_run_changes_nothing(api: BrokerApi, capsys: pytest.CaptureFixture[str]) -> None:
    assert grow(settings(api.url), dry_run=True) == 1
    lines = printed(capsys)
    assert lines[0] == f"{min(QUEUES)}: would get a member on {C}"
    assert (api.changes, lines[-1]) == ([], f"{len(QUEUES)} members would be added; nothing was changed")


def test_member_that_is_refused_is_named_and_the_others_are_added(
    api: BrokerApi, capsys: pytest.CaptureFixture[str]
) -> None:
    api.refusals["/events.rollup/replicas/add"] = (503, {"error": "service_unavailable", "reason": "node_not_running"})
    assert grow(settings(api.url), dry_run=False) == 1
    assert any(line.startswith(f"events.rollup: no member on {C}") for line in printed(capsys))
    assert sum(len(members) == 3 for members in api.members.values()) == len(QUEUES) - 1


def test_grow_needs_the_management_api() -> None:
    with pytest.raises(SettingsError) as raised:
        grow(settings(), dry_run=False)
    assert raised.value.problems[0].startswith("TROIKA_BROKER_MANAGEMENT_URL: is required")


def test_definitions_wait_for_the_nodes(api: BrokerApi, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps(topology.definitions()))
    api.nodes[C] = False
    assert import_definitions(settings(api.url), file, nodes=3, within_s=0.0) == 1
    assert printed(capsys) == [f"3 nodes are required, 2 run in this cluster: {A}, {B}. Nothing was imported."]
    assert api.imported == []


def test_topic_permissions_are_imported_after_the_exchanges(api: BrokerApi, tmp_path: Path) -> None:
    """In one step RabbitMQ 4.0 with Khepri makes no exchange that a topic permission is about."""
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps(topology.definitions()))
    for members in api.members.values():
        members.append(C)
    assert import_definitions(settings(api.url), file, nodes=3, within_s=0.0) == 0
    assert [sorted(body) for body in api.imported] == [
        ["bindings", "exchanges", "permissions", "policies", "queues", "vhosts"],
        ["topic_permissions"],
    ]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"queues": []}'])
def test_file_without_definitions_is_refused_before_anything_is_asked(content: str, tmp_path: Path) -> None:
    file = tmp_path / "definitions.json"
    file.write_text(content)
    with pytest.raises(SettingsError):
        import_definitions(settings(NOWHERE), file, nodes=3, within_s=0.0)
