"""A registration service whose database stores about a hundred registrations a second, and what must hold for it.

The brake is a trigger in the database: no setting of the service can do this.
"""

import json
from collections import Counter
from dataclasses import dataclass

from tests.chaos.overload.people import person
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.open_loop import Load, fire, percentile_s
from tests.support.processes import ProcessGroup
from tests.support.schedules import steady
from tests.support.web import RunningWeb, load_webinar, start_web

CAPACITY_PER_S = 100
ASK_AGAIN_PER_S = 40
_BRAKE = f"""
    CREATE FUNCTION brake() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_sleep({1 / CAPACITY_PER_S}); RETURN NEW; END $$;
    CREATE TRIGGER brake BEFORE INSERT ON registration FOR EACH ROW EXECUTE FUNCTION brake()
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
        """How often each registration is stored, by id."""
        found = rows(self.installation.urls["registration"], "SELECT id::text FROM registration")
        return Counter(str(row[0]) for row in found)

    def told(self) -> Counter[str]:
        """How many messages there are about each."""
        found = rows(self.installation.urls["registration"], "SELECT subject FROM outbox")
        return Counter(str(row[0]) for row in found)


def start_site(processes: ProcessGroup, installation: TestInstallation, *, braked: bool = True) -> Site:
    """Two web processes on a form without limit."""
    load_webinar(installation, capacity=None)
    if braked:
        rows(installation.urls["registration"], _BRAKE)
    return Site(start_web(processes, installation, workers=2), installation)


def assert_told_the_truth(site: Site, *loads: Load) -> None:
    """Every answer is 201, or 503 with a time to come again; each 201 is stored once with its message, nothing else is.

    Who got no answer (more came than the machine can answer at all) first asks again with their key, and is stored
    once. Somebody who was refused and then accepted is stored once; nobody who was only refused is stored.
    """
    silent = [shot.number for load in loads for shot in load.answered(0)]
    asked_again = fire(site.url, steady(ASK_AGAIN_PER_S, len(silent) / ASK_AGAIN_PER_S), lambda n: person(silent[n]))
    assert set(asked_again.statuses()) <= {201}
    shots = [shot for load in (*loads, asked_again) for shot in load.shots]
    assert {shot.status for shot in shots} <= {0, 201, 503}
    waits = {shot.retry_after_s for shot in shots if shot.status == 503}
    assert waits <= set(range(2, 11))
    ids = [identity for load in (*loads, asked_again) for identity in ids_of(load)]
    assert len(ids) == len(set(ids))
    assert site.stored() == Counter(ids)
    assert sum(site.told().values()) == len(ids)


def ids_of(load: Load) -> list[str]:
    """Id of each registration that was accepted."""
    return [json.loads(shot.body)["id"] for shot in load.answered(201)]


def report(name: str, load: Load) -> str:
    """One line: what was asked for, what came of it."""
    return (
        f"{name}: {len(load.shots)} sent ({load.reached_per_s():.0f}/s, {load.most_connections} connections), "
        f"{dict(load.statuses())}; 201 {_latency(load, 201)}; 503 {_latency(load, 503)}; "
        f"201 by second {load.goodput()}"
    )


def _latency(load: Load, status: int) -> str:
    latencies = [shot.latency_s for shot in load.answered(status)]
    return f"p50 {percentile_s(latencies, 0.5) * 1000:.0f} p99 {percentile_s(latencies, 0.99) * 1000:.0f} ms"
