"""The audit of many registrations: its time is printed, and it holds only a few rows in memory."""

import time
import tracemalloc
from collections.abc import Callable

from deploy.operations.audit.facts import ARRIVALS
from deploy.operations.audit.reading import Sources, open_sources
from deploy.operations.audit.reconcile import both_sides, reconcile
from tests.integration.operations.many_registrations import copies, gather, receipts
from tests.support.audit_checks import differences
from tests.support.clients import rows
from tests.support.installation import TestInstallation

PEOPLE = 10_000
FEW_BYTES = 8 * 1024 * 1024
"""The keys of one equation alone, held all at once, would take more: that is tried below."""


def test_many_registrations_are_audited_in_seconds_and_little_memory(whole: TestInstallation) -> None:
    began_s = time.perf_counter()
    gather(whole, PEOPLE)
    filled_s = time.perf_counter()
    assert differences(whole, receipts(PEOPLE), copies(PEOPLE)) == []
    read_s = time.perf_counter()
    print(f"{PEOPLE:,} registrations made in {filled_s - began_s:.1f} s, audited in {read_s - filled_s:.1f} s")
    rows(whole.urls["notifications"], "DELETE FROM inbox WHERE message_id = (SELECT message_id FROM inbox LIMIT 1)")
    assert _peak_bytes(whole, lambda sources: reconcile(sources)) < FEW_BYTES
    assert _peak_bytes(whole, lambda sources: list(both_sides(ARRIVALS, sources))) > FEW_BYTES
    assert [finding.equation for finding in differences(whole)] == ["A6"]


def _peak_bytes(installation: TestInstallation, read: Callable[[Sources], object]) -> int:
    """Most memory of Python's that was in use at a time while the sources were read."""
    with open_sources(installation.urls.audit_urls(), grace_s=0) as sources:
        tracemalloc.start()
        read(sources)
        _now, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    return most
