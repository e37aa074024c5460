"""Installations with different faults, started at the same time: each test examines one of them."""

import time
from collections.abc import Iterator

import pytest

from tests.alerting.monitoring import Installation
from tests.alerting.targets import HANGING, REFUSING, WELL
from tests.support.run_folder import RunFolder

WATCHED_S = 240.0
"""How long a fault lasts here: longer than any rule of a page waits, but for those about rates of ten minutes."""
AFTER_S = 60.0


def _database_is_well(since_s: float) -> str:
    return "pg_up 1\npg_replication_is_replica 0\n" if since_s < 0 else "pg_up 0\n"


def _web_without_database(since_s: float) -> str:
    failed = max(0.0, since_s) * 5
    name = 'troika_http_request_duration_seconds_count{service="registration",route="x",method="POST",status_class='
    return (
        f'{name}"5xx"}} {failed:.0f}\n{name}"2xx"}} {1000 + (since_s if since_s < 0 else 0):.0f}\n'
        f'troika_db_errors_total{{service="registration",kind="connection"}} {failed:.0f}\n'
    )


def _relay_without_broker(since_s: float) -> str:
    connected, age_s = int(since_s < 0), max(0.0, since_s)
    return (
        f'troika_broker_connected{{service="registration",role="relay"}} {connected}\n'
        f'troika_outbox_oldest_unpublished_age_seconds{{service="registration"}} {age_s:.0f}\n'
    )


def _consumer_without_broker(since_s: float) -> str:
    tick = time.time() - max(0.0, since_s)
    return (
        f'troika_broker_connected{{service="events",role="consumer"}} {int(since_s < 0)}\n'
        f'troika_consumer_last_tick_timestamp_seconds{{service="events"}} {tick:.0f}\n'
    )


def _canary(since_s: float) -> str:
    """It runs once a minute; no run has completed since the fault."""
    return f'troika_canary_last_success_timestamp_seconds{{form="canary"}} {time.time() - max(0.0, since_s) - 30:.0f}\n'


def _decided(since_s: float) -> str:
    return f"troika_submission_oldest_undecided_age_seconds {max(0.0, since_s):.0f}\n"


USUAL = {"postgres": lambda _s: "pg_up 1\npg_replication_is_replica 0\n", "operations-canary": _canary}
WITHOUT_DATABASE = {**USUAL, "postgres": _database_is_well, "registration-forms": _web_without_database}
WITHOUT_BROKER = {
    **USUAL,
    "registration-relay": _relay_without_broker,
    "events-consume": _consumer_without_broker,
}
FAULTS = {
    "total outage, connections refused": (USUAL, REFUSING, ()),
    "total outage, nothing answers": (USUAL, HANGING, ()),
    "public network": (USUAL, HANGING, ("page",)),
    "database": (WITHOUT_DATABASE, WELL, ()),
    "broker": (WITHOUT_BROKER, REFUSING, ("rabbitmq",)),
    "one process": ({**USUAL, "registration-relay": _decided}, REFUSING, ("registration-decide",)),
}


@pytest.fixture(scope="session")
def installations(run_folder: RunFolder) -> Iterator[dict[str, Installation]]:
    """After each fault has lasted and was repaired; by the fault."""
    made = {}
    try:
        for number, (fault, (metrics, _, _)) in enumerate(FAULTS.items()):
            made[fault] = Installation(run_folder, str(number), metrics)
            made[fault].start()
        for one in made.values():
            one.wait_ready()
        for fault, (_, state, names) in FAULTS.items():
            made[fault].fail(state, *names)
        time.sleep(WATCHED_S)
        for one in made.values():
            one.repair()
        time.sleep(AFTER_S)
        yield made
    finally:
        for one in made.values():
            one.close()
