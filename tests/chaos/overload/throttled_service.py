"""A registration service whose database stores so many submissions a second and no more, and what must hold for it.

The brake is a trigger in the database that lets one insert after the other through: no setting of the service can do
this.
"""

import json
from collections import Counter
from dataclasses import dataclass

import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families

from services.registration.intake.service import receipt_hash
from tests.chaos.overload.requests import person
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.open_loop import Load, fire, percentile_s
from tests.support.processes import ProcessGroup
from tests.support.schedules import steady
from tests.support.web import RunningWeb, load_webinar, start_web

REPETITIONS = 8
_BRAKE = """
    CREATE FUNCTION brake() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_advisory_xact_lock(1); PERFORM pg_sleep({seconds}); RETURN NEW; END $$;
    CREATE TRIGGER brake BEFORE INSERT ON submission FOR EACH ROW EXECUTE FUNCTION brake()
"""


@dataclass(frozen=True, slots=True)
class Site:
    """A running web service and its installation."""

    web: RunningWeb
    installation: TestInstallation

    @property
    def url(self) -> str:
        """Of the service."""
        return self.web.url

    def stored(self) -> Counter[str]:
        """How often each submission is stored, by the hash of its receipt."""
        found = rows(self.installation.urls["registration"], "SELECT encode(receipt_hash, 'hex') FROM submission")
        return Counter(str(row[0]) for row in found)

    def cpu_s(self) -> float:
        """Processor time of the web processes so far, seconds."""
        workers = psutil.Process(self.web.program.pid).children()
        return sum(times.user + times.system for times in (worker.cpu_times() for worker in workers))

    def refused(self) -> Counter[str]:
        """How many of those who register were refused, by reason."""
        refused = read_counter(self.url, "troika_requests_refused_total")
        return Counter({labels["reason"]: int(value) for labels, value in refused if labels["class"] == "first"})


def read_counter(url: str, name: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of each series of a counter of the registration service at ``url``."""
    page = requests.get(f"{url}/-/registration/metrics", timeout=20).text
    samples = [each for family in text_string_to_metric_families(page) for each in family.samples]
    return [(each.labels, each.value) for each in samples if each.name == name]


def start_site(processes: ProcessGroup, installation: TestInstallation, per_second: int = 0) -> Site:
    """Two web processes on a form without limit, whose database stores ``per_second``; as many as it can if 0."""
    load_webinar(installation, capacity=None)
    if per_second:
        rows(installation.urls["registration"], _BRAKE.format(seconds=1 / per_second))
    return Site(start_web(processes, installation, workers=2), installation)


def let_in_at_last(site: Site, load: Load, per_second: float) -> list[Load]:
    """People who were refused or got no answer retry with the same key, at a calm pace, until all are admitted."""
    loads = [load]
    for _ in range(REPETITIONS):
        accepted = {shot.number for each in loads for shot in each.answered(202)}
        left = sorted({shot.number for shot in load.shots} - accepted)
        if not left:
            return loads
        again = fire(site.url, steady(per_second, len(left) / per_second), lambda index, left=left: person(left[index]))  # type: ignore[misc]
        for shot in again.shots:
            shot.number = left[shot.number]
        loads.append(again)
    raise AssertionError(f"{len(left)} people were not admitted after {REPETITIONS} repetitions")


def assert_answers_true(site: Site, *loads: Load) -> None:
    """Every answer is 202, or 503 with a time to come again; each 202 is stored once, and nothing else is.

    Where more came than the machine can answer at all, some get no answer; each of them is stored once or not at all.
    """
    shots = [shot for load in loads for shot in load.shots]
    assert {shot.status for shot in shots} <= {0, 202, 503}
    waits = {shot.retry_after_s for shot in shots if shot.status == 503}
    assert waits <= set(range(2, 11))
    receipts = [receipt for load in loads for receipt in receipts_of(load)]
    assert len(receipts) == len(set(receipts))
    stored, unanswered = site.stored(), sum(shot.status == 0 for shot in shots)
    assert set(stored.values()) <= {1}
    assert set(receipts) <= set(stored)
    assert len(stored) <= len(receipts) + unanswered


def receipts_of(load: Load) -> list[str]:
    """Hash of the receipt of each submission that was accepted."""
    return [receipt_hash(json.loads(shot.body)["receipt"]).hex() for shot in load.answered(202)]


def report(name: str, load: Load) -> str:
    """One line: what was asked for, what came of it."""
    return (
        f"{name}: {len(load.shots)} sent ({load.reached_per_s():.0f}/s, {load.max_connections} connections), "
        f"{dict(load.statuses())}; 202 {_latency(load, 202)}; 503 {_latency(load, 503)}; "
        f"202 by second {load.goodput()}"
    )


def _latency(load: Load, status: int) -> str:
    latencies = [shot.latency_s for shot in load.answered(status)]
    return f"p50 {percentile_s(latencies, 0.5) * 1000:.0f} p99 {percentile_s(latencies, 0.99) * 1000:.0f} ms"
