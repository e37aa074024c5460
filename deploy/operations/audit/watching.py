"""Compares periodically, for metrics and an alert. A database or broker that is down ends a run, not the process."""

import logging
import time

import psycopg

from deploy.operations.audit.equations import EQUATIONS
from deploy.operations.audit.reading import open_sources
from deploy.operations.audit.readings import Head, head_of
from deploy.operations.audit.reconcile import Judgement, judge
from deploy.operations.audit.settings import AuditSettings
from deploy.operations.telemetry import (
    audit_differences,
    audit_duration_seconds,
    audit_last_success_timestamp_seconds,
    audit_undecided,
)
from shared.runtime.errors import Unavailable
from shared.runtime.runner import Stop

log = logging.getLogger(__name__)

LOGGED = 20
"""Differences of one run that are named in the log; `make audit` names more."""

EVERY_S = 300.0
"""From one run to the next, seconds."""


def compare_once(settings: AuditSettings, head: Head) -> tuple[list[Judgement], Head]:
    """Run once; return the result, and the log of readings' head as it is now.

    Args:
        settings: databases and broker to read.
        head: the head of the log of readings in the previous run.

    Raises:
        psycopg.Error: a database is down, or lets the audit read less than it needs.
        Unavailable: the broker is down, which is to be read.
    """
    with open_sources(settings.urls, settings.given(head), grace_s=settings.grace_s) as sources:
        return judge(sources), head_of(sources)


def watch(settings: AuditSettings, every_s: float, stop: Stop) -> None:
    """Compare every ``every_s`` seconds until ``stop``."""
    head = settings.head
    while not stop:
        began_at = time.monotonic()
        try:
            found, newest = compare_once(settings, head)
            _log_differences(found)
            head = _keep(head, newest)
        except (psycopg.Error, Unavailable) as error:
            log.warning("audit not finished", extra={"reason": type(error).__name__})
        else:
            audit_duration_seconds.observe(time.monotonic() - began_at)
            audit_last_success_timestamp_seconds.set(time.time())
        stop.wait(max(0.0, every_s - (time.monotonic() - began_at)))


def _keep(head: Head, newest: Head) -> Head:
    """The later of the two. A new one is logged: a log on another machine cannot be rewritten from this one."""
    if newest.number <= head.number:
        return head
    log.info("sealed readings", extra={"head": str(newest)})
    return newest


def _log_differences(judgements: list[Judgement]) -> None:
    for equation in EQUATIONS:
        own = [judgement for judgement in judgements if judgement.equation == equation.code]
        audit_differences.labels(equation.code).set(sum(judgement.broken for judgement in own))
        audit_undecided.labels(equation.code).set(sum(judgement.waiting.total() for judgement in own))
    for finding in [finding for judgement in judgements for finding in judgement.named][:LOGGED]:
        facts = {"equation": finding.equation, "subject": finding.subject, "what": finding.what}
        log.error("audit difference", extra={**facts, "expected": finding.expected, "found": finding.found})
