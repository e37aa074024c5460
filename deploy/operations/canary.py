"""``python -m deploy.operations.canary``: registers once a minute, for metrics and an alert that works at night too."""

import logging
import sys
import time

import click

from deploy.operations.canary_probe import DONE, Canary
from deploy.operations.telemetry import (
    canary_handover_seconds,
    canary_last_success_timestamp_seconds,
    canary_runs_total,
)
from shared.runtime.deployment import read_probe_address
from shared.runtime.logs import configure_logs
from shared.runtime.runner import Stop, run
from shared.runtime.settings import PUBLIC_URL, Reader, plain_urls

log = logging.getLogger(__name__)

HTTP = ("http", "https")


EVERY_S = 60.0
"""From run to run, seconds."""


def read_canary(reader: Reader) -> Canary:
    """The canary, from the environment; faults are collected in ``reader``."""
    public_url = reader.url("TROIKA_PUBLIC_URL", HTTP)
    reader.secure("TROIKA_PUBLIC_URL", PUBLIC_URL, plain_urls([public_url or ""]))
    inbox_url = reader.url("TROIKA_CANARY_INBOX_URL", HTTP, "").rstrip("/")
    return Canary(
        public_url=(public_url or "").rstrip("/"),
        inbox_url=inbox_url,
        # without an inbox its mails leave by the mail relay: to a mailbox of yours alone
        address=reader.text("TROIKA_CANARY_ADDRESS", "canary@example.org" if inbox_url else None),
    )


def watch(canary: Canary, every_s: float, stop: Stop) -> None:
    """Run periodically until ``stop``."""
    canary_last_success_timestamp_seconds.labels(canary.form)
    while not stop:
        began_at = time.monotonic()
        result = canary.run_once(stop.wait)
        if stop:
            return
        canary_runs_total.labels(canary.form, result.outcome).inc()
        if result.handover_s is not None:
            canary_handover_seconds.labels(canary.form).observe(result.handover_s)
        if result.outcome == DONE:
            canary_last_success_timestamp_seconds.labels(canary.form).set_to_current_time()
        else:
            log.warning("canary run not finished", extra={"outcome": result.outcome, "seen": result.seen})
        stop.wait(max(0.0, every_s - (time.monotonic() - began_at)))


@click.command()
@click.option("--pace", default=1, help="How many times more often than once a minute.")
def main(pace: int) -> None:
    """Register once a minute until SIGTERM."""
    configure_logs("operations", "canary")
    reader = Reader()
    canary = read_canary(reader)
    probes = read_probe_address(reader)
    reader.finish()
    sys.exit(run({"canary": lambda stop: watch(canary, EVERY_S / pace, stop)}, probes=probes, ready=lambda: ()))


if __name__ == "__main__":
    main()
