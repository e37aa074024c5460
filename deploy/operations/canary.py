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
from shared.cli.settings import HTTP_URL, read_public_url
from shared.runtime.deployment import read_probe_address
from shared.runtime.errors import SettingsError
from shared.runtime.logs import configure_logs
from shared.runtime.runner import Stop, run
from shared.runtime.settings import SettingsEnv

log = logging.getLogger(__name__)


EVERY_S = 60.0
"""From run to run, seconds."""


def read_canary(env: SettingsEnv) -> Canary:
    """The canary, from the environment."""
    inbox_url = env.parsed("TROIKA_CANARY_INBOX_URL", lambda url: url.rstrip("/"), "", validate=HTTP_URL)
    # without an inbox its mails leave by the mail relay: to a mailbox of yours alone
    known = "canary@example.org" if inbox_url else ...
    address = env.parsed("TROIKA_CANARY_ADDRESS", str, known, about="mailbox to which its mails go")
    return Canary(read_public_url(env, default=...), inbox_url, address)


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
    env = SettingsEnv()
    canary = read_canary(env)
    probes = read_probe_address(env)
    try:
        env.seal()
    except SettingsError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    sys.exit(run({"canary": lambda stop: watch(canary, EVERY_S / pace, stop)}, probes=probes, ready=lambda: ()))


if __name__ == "__main__":
    main()
