"""The audit after a test: after any fault, everything adds up."""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

from deploy.operations.audit.reading import Given, open_sources
from deploy.operations.audit.reconcile import Finding, reconcile
from shared.messaging.broker import BusAddress
from shared.messaging.contracts.registry import QUEUES
from shared.messaging.dead_letters import list_parked
from tests.support.installation import TestInstallation

MOST = 100_000
"""Parked messages of a queue."""

SHOWN = 20
"""Differences that a failing test prints."""

ParkedCopy = tuple[str, str, str]
"""Message id, queue and reason of what is parked at a broker."""


def assert_clean(
    installation: TestInstallation,
    accepted: Iterable[str] | None = None,
    copies: Mapping[str, int] | None = None,
    grace_s: float = 0.0,
    *,
    parked: Iterable[ParkedCopy] | None = None,
    now: datetime | None = None,
) -> None:
    """Every equation holds in the databases that the test has made, read by the audit's own login.

    Args:
        installation: of the test.
        accepted: receipt hashes of the answers 202 in a client's journal.
        copies: how often each Message-ID arrived in the sink; read when no mail is claimed.
        grace_s: 0 once everything rests; else how old a message must be to have arrived, and 15 times that for what
            cannot be seen on its way: an hour, to check what must hold while messages are in transit.
        parked: what is parked at a broker; the embedded bus is read anyway.
        now: of the services' clocks where the test has moved them.
    """
    _assert_none(differences(installation, accepted, copies, grace_s, parked=parked, now=now))


def assert_soon_clean(found: Callable[[], list[Finding]], within_s: float = 20.0) -> None:
    """``found()`` finds nothing any more before ``within_s`` seconds are over: acknowledgements come a little later."""
    deadline = time.monotonic() + within_s
    last = found()
    while last and time.monotonic() < deadline:
        time.sleep(0.5)  # another check
        last = found()
    _assert_none(last)


def parked_at(address: BusAddress) -> list[ParkedCopy]:
    """What is parked on a bus, without taking it."""
    return [(one.message_id, queue, one.reason) for queue in QUEUES for one in list_parked(address, queue, most=MOST)]


def differences(
    installation: TestInstallation,
    accepted: Iterable[str] | None = None,
    copies: Mapping[str, int] | None = None,
    grace_s: float = 0.0,
    *,
    parked: Iterable[ParkedCopy] | None = None,
    now: datetime | None = None,
) -> list[Finding]:
    """The differences that :func:`assert_clean` reports."""
    given = Given(accepted, copies, parked)
    with open_sources(installation.urls.audit_urls(), given, grace_s=grace_s, now=now) as sources:
        return reconcile(sources)


def _assert_none(found: list[Finding]) -> None:
    assert found == [], f"{len(found)} differences:\n" + "\n".join(map(str, found[:SHOWN]))
