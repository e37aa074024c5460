"""A fault under load: its effect on visitors, and whether the audit, the receipts and the mails agree afterwards."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.parser import BytesParser

from deploy.operations.audit.reading import Given, open_sources
from deploy.operations.audit.reconcile import Finding, reconcile
from shared.public_forms.proof_of_work import proof_keys
from shared.security.keys import read_keys
from tests.cluster.installation import GATEWAY_PORT, Cluster
from tests.cluster.load import Visitors
from tests.support.audit_checks import assert_soon_clean
from tests.support.caddy import PUBLIC_HOST
from tests.support.journal import Journal

CALM_S = 3.0
SETTLED_WITHIN_S = 330


@dataclass(slots=True)
class Trouble:
    """Attributes:
    visitors: who come.
    at_s: when the fault happened, monotonic.
    """

    visitors: Visitors
    at_s: float

    def last(self, seconds: float) -> None:
        """Wait while the fault lasts."""
        time.sleep(seconds)  # visitors come at a steady rate during this time


@contextmanager
def under_load(cluster: Cluster, fault: str) -> Iterator[Trouble]:
    """Visitors come before, during and after the block; then nothing may be lost or duplicated.

    The block causes the fault and repairs it. Measurements are printed.
    """
    keys = proof_keys(read_keys(cluster.secrets.folder / "intake.key"), "registration")
    gateways = [(host.address, GATEWAY_PORT) for host in cluster.gateways]
    journal = visits(cluster)
    visitors = Visitors(gateways, PUBLIC_HOST, keys, cluster.mails, journal, first=cluster.visitors)
    with visitors:
        time.sleep(CALM_S)  # the usual load
        trouble = Trouble(visitors, time.monotonic())
        yield trouble
        time.sleep(CALM_S)  # and again
    cluster.visitors += visitors.came
    assert_adds_up(cluster, journal)
    print(f"\n{fault}: {figures(trouble)}")
    assert visitors.failed == []


def figures(trouble: Trouble) -> str:
    """The measurements of a fault, in one line."""
    visitors, since_s = trouble.visitors, trouble.at_s
    return (
        f"{visitors.came} visitors, longest time without a 202 {visitors.max_pause_s(since_s):.1f} s, "
        f"first mail to a later visitor after {visitors.mails_after(since_s):.1f} s, "
        f"longest way to a mail {visitors.max_transit_s():.1f} s, "
        f"errors {dict(visitors.errors()) or 0}, failed after retries {len(visitors.failed)}"
    )


def assert_adds_up(cluster: Cluster, journal: Journal) -> None:
    """Wait for the audit, then compare the databases with the answers to visitors and the mails that arrived."""
    cluster.audit(SETTLED_WITHIN_S)
    record = journal.read()
    assert record.contradictions == {}
    assert_soon_clean(lambda: differences(cluster, record.receipts, copies(cluster)), SETTLED_WITHIN_S)


def differences(cluster: Cluster, receipts: Sequence[str], mails: Mapping[str, int]) -> list[Finding]:
    """Differences between the databases, the ``receipts`` of visitors and the ``mails`` that arrived."""
    with open_sources(cluster.audit_urls(), Given(receipts, mails)) as sources:
        return reconcile(sources)


def visits(cluster: Cluster) -> Journal:
    """The record of all visitors of a run."""
    return Journal(cluster.run.path / "visitors.jsonl")


def copies(cluster: Cluster) -> Counter[str]:
    """How often each Message-ID has arrived."""
    headers = BytesParser()
    files = cluster.mails.glob("*.eml")
    return Counter(str(headers.parsebytes(file.read_bytes(), headersonly=True)["Message-ID"]) for file in files)
