"""The audit after a test: whatever was broken on the way, everything adds up."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from deploy.operations.audit.reading import Given, open_sources
from deploy.operations.audit.reconcile import Finding, reconcile
from tests.support.installation import TestInstallation

SHOWN = 20
"""Differences that a failing test prints."""

Letter = tuple[str, str, str]
"""Message id, queue and reason of what is parked at a broker."""


def assert_clean(
    installation: TestInstallation,
    accepted_ids: Iterable[str] | None = None,
    copies: Mapping[str, int] | None = None,
    grace_s: float = 0.0,
    *,
    parked: Iterable[Letter] | None = None,
    now: datetime | None = None,
) -> None:
    """Every equation holds in the databases that the test has made, read by the audit's own login.

    Args:
        installation: of the test.
        accepted_ids: of the answers 201 in a client's journal, without those to somebody registered before: such an
            answer names no registration, so that nobody learns from it that there is one.
        copies: how often each Message-ID arrived in the sink; read when no mail is in a sender's hands.
        grace_s: 0 once everything rests; else how old a message must be to have arrived, and 15 times that for what
            cannot be seen on its way: an hour, to look at what must hold while messages travel.
        parked: what is parked at a broker; the embedded bus is looked at anyway.
        now: of the services' clocks where the test has moved them.
    """
    found = differences(installation, accepted_ids, copies, grace_s, parked=parked, now=now)
    assert found == [], f"{len(found)} differences:\n" + "\n".join(map(str, found[:SHOWN]))


def differences(
    installation: TestInstallation,
    accepted_ids: Iterable[str] | None = None,
    copies: Mapping[str, int] | None = None,
    grace_s: float = 0.0,
    *,
    parked: Iterable[Letter] | None = None,
    now: datetime | None = None,
) -> list[Finding]:
    """What :func:`assert_clean` says does not add up."""
    given = Given(accepted_ids, copies, parked)
    with open_sources(installation.urls.audit_urls(), given, grace_s=grace_s, now=now) as sources:
        return reconcile(sources)
