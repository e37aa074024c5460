"""``topology check | grow | import``: checks the broker, adds members to queues, and imports definitions."""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from shared.cli.settings import BROKER_MANAGEMENT_URL, CommonSettings
from shared.messaging import topology
from shared.messaging.queue_members import (
    Addition,
    BrokerNode,
    Management,
    ManagementError,
    QueueMembers,
    additions,
    expected_members,
    is_uneven,
    leaders,
    shortages,
)
from shared.runtime.errors import SettingsError

COMPLETE, MISSING, NOT_ASKED = 0, 1, 3
"""Exit codes; 2 is for settings."""

VOTES_WITHIN_S, SPREAD_WITHIN_S = 60.0, 30.0
POLL_S = 0.3


def check(settings: CommonSettings) -> int:
    """Print what is missing on the bus, and return the exit code."""
    if settings.bus.embedded:
        click.echo("complete")
        return COMPLETE
    return check_members(settings, topology.missing(settings.bus))


def check_members(settings: CommonSettings, absent: Sequence[str]) -> int:
    """Print what nodes and queues lack, and return the exit code.

    Args:
        settings: the common settings, with the addresses of the management API if there is one.
        absent: exchanges and queues that AMQP does not find. It finds a queue that has no leader (RabbitMQ 4.0.5).
    """
    for name in absent:
        click.echo(f"{name}: is missing → import the definitions, or `topology declare`")
    if not settings.management_urls:
        return _not_asked(absent, f"{BROKER_MANAGEMENT_URL} is not set")
    management = Management(settings.management_urls)
    try:
        nodes, queues = management.nodes(), management.quorum_queues(settings.bus.vhost)
    except ManagementError as error:
        return _not_asked(absent, str(error))
    unlisted = {*topology.queue_arguments()} - {*absent} - {queue.name for queue in queues}
    for name in sorted(unlisted):
        click.echo(f"{name}: the management API does not list it as a quorum queue → is it of another type?")
    complete = _report(queues, nodes) and not absent and not unlisted
    click.echo("complete" if complete else "not complete")
    return COMPLETE if complete else MISSING


def _not_asked(absent: Sequence[str], reason: str) -> int:
    if not absent:
        click.echo("exchanges and queues: all there")
    click.echo(f"members of queues: not checked: {reason}")
    return MISSING if absent else NOT_ASKED


def _report(queues: Sequence[QueueMembers], nodes: Sequence[BrokerNode]) -> bool:
    """Print what queues and nodes lack; return whether nothing is missing."""
    found, down = shortages(queues, nodes), [node.name for node in nodes if not node.running]
    for shortage in found:
        click.echo(str(shortage))
    click.echo(
        f"nodes: {len(nodes)}, of which {len(nodes) - len(down)} run" + (f"; down: {', '.join(down)}" if down else "")
    )
    click.echo(f"queues: {len(queues)}, of which {len(queues) - len(found)} have all {expected_members(nodes)} members")
    click.echo(f"leaders: {_counts(leaders(queues, nodes))}")
    return not found and not down


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts.items())


def grow(settings: CommonSettings, *, dry_run: bool) -> int:
    """Give queues the members that they lack, spread leaders, and return the exit code.

    Raises:
        SettingsError: the management API is not named.
    """
    management, vhost = _management(settings), settings.bus.vhost
    try:
        nodes, queues = management.nodes(), management.quorum_queues(vhost)
        planned = additions(queues, nodes)
        if dry_run:
            return _dry_run(planned, queues, nodes)
        failed = [addition for addition in planned if not _add(management, vhost, addition)]
        _spread(management, vhost, nodes)
        complete = _report(management.quorum_queues(vhost), nodes)
    except ManagementError as error:
        click.echo(f"The management API: {error}", err=True)
        return MISSING
    click.echo(f"{len(planned) - len(failed)} members added" if planned else "no members to add")
    return COMPLETE if complete and not failed else MISSING


def _dry_run(planned: Sequence[Addition], queues: Sequence[QueueMembers], nodes: Sequence[BrokerNode]) -> int:
    for addition in planned:
        click.echo(f"{addition.queue}: would get a member on {addition.node}")
    counts = leaders(queues, nodes)
    if is_uneven(counts):
        click.echo(f"leaders: {_counts(counts)}: would be spread")
    complete = _report(queues, nodes)
    click.echo(f"{len(planned)} members would be added; nothing was changed")
    return COMPLETE if complete else MISSING


def _add(management: Management, vhost: str, one: Addition) -> bool:
    """Add a member and wait until it votes: one that does not vote yet counts for no majority."""
    try:
        management.add_member(vhost, one)
    except ManagementError as error:
        click.echo(f"{one.queue}: no member on {one.node}: {error}", err=True)
        return False
    votes = _wait(lambda: one.node in _voters(management, vhost, one), VOTES_WITHIN_S)
    click.echo(f"{one.queue}: member added on {one.node}{'' if votes else ', which has not caught up yet'}")
    return votes


def _voters(management: Management, vhost: str, one: Addition) -> set[str]:
    try:
        return management.voters(vhost, one.queue)
    except ManagementError:  # fails while another member is down: then the list of members must suffice
        found = [queue for queue in management.quorum_queues(vhost) if queue.name == one.queue]
        return {name for queue in found for name in queue.online}


def _spread(management: Management, vhost: str, nodes: Sequence[BrokerNode]) -> None:
    def counts() -> dict[str, int]:
        return leaders(management.quorum_queues(vhost), nodes)

    before = counts()
    if not is_uneven(before):
        return
    management.spread_leaders()
    _wait(lambda: not is_uneven(counts()), SPREAD_WITHIN_S)
    click.echo(f"leaders: {_counts(before)}: spread")


def import_definitions(settings: CommonSettings, file: Path, *, nodes: int, within_s: float) -> int:
    """Import definitions once so many nodes are one cluster and run, and return the exit code of a check.

    A queue gets its members when it is declared: of the nodes that are in the cluster then.

    Raises:
        SettingsError: the management API is not named, or the file has no definitions.
    """
    management, definitions = _management(settings), read_definitions(file)
    reason = ""

    def formed() -> bool:
        nonlocal reason
        try:
            running = [node.name for node in management.nodes() if node.running]
        except ManagementError as error:
            reason = str(error)
            return False
        reason = f"{len(running)} run in this cluster: {', '.join(running)}"
        return len(running) >= nodes

    if not _wait(formed, within_s):
        click.echo(f"{nodes} nodes are required, {reason}. Nothing was imported.", err=True)
        return MISSING
    try:
        management.import_definitions(definitions)
    except ManagementError as error:
        click.echo(f"The definitions were not imported: {error}", err=True)
        return MISSING
    click.echo("imported")
    return check_members(settings, ())


def read_definitions(file: Path) -> dict[str, Any]:
    """The definitions in ``file``.

    Raises:
        SettingsError: it has none.
    """
    try:
        found = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise SettingsError([f"{file}: definitions in JSON are required ({error})"]) from error
    if not isinstance(found, dict) or not found.get("queues") or not found.get("vhosts"):
        raise SettingsError([f"{file}: definitions with vhosts and queues are required"])
    return found


def _management(settings: CommonSettings) -> Management:
    if settings.bus.embedded:
        raise SettingsError(["TROIKA_BROKER_URL: is required: the embedded bus has no members"])
    if not settings.management_urls:
        raise SettingsError([f"{BROKER_MANAGEMENT_URL}: is required, such as https://troika-topology:…@broker-1:15671"])
    return Management(settings.management_urls)


def _wait(condition: Callable[[], bool], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_S)  # polls the broker until the deadline
    return True
