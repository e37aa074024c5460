"""P8: what coordinators ask, at a million registrations against 10,000: the 95th percentile of each question."""

import http.client
import json
import time
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from deploy.local.installation import SAMPLE
from services.registration.forms.loading import load_forms
from services.registration.sealing.form_keys import FormKeys
from shared.core.sealing import read_keys
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork
from tests.benchmarks.ground import Entry, Ground
from tests.benchmarks.million import fill
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.processes import ProcessGroup

FEW = 10_000
TIMES = 40
AIM_RATIO = 1.5
MEETING = "meeting-7"
SERVED_BY = {"registration": "desk", "events": "web"}
"""Processes that answer coordinators."""


@dataclass(frozen=True, slots=True)
class Question:
    """A GET: of which service, where, whether as a file. Of a file the first byte counts."""

    service: str
    path: str
    csv: bool = False


QUESTIONS = {
    "events": Question("events", "/v1/events?limit=50"),
    "roster": Question("events", f"/v1/events/{MEETING}/roster?limit=50"),
    "roster, waiting": Question("events", f"/v1/events/{MEETING}/roster?limit=50&status=waitlisted"),
    "roster file": Question("events", f"/v1/events/{MEETING}/roster", csv=True),
    "counts": Question("events", f"/v1/events/{MEETING}/counts"),
    "coverage": Question("events", f"/v1/events/{MEETING}/coverage"),
    "overview": Question("events", "/v1/overview"),
    "people": Question("registration", "/v1/registrations?limit=50"),
    "people of a form": Question("registration", f"/v1/registrations?limit=50&form={MEETING}"),
    "people, waiting": Question("registration", f"/v1/registrations?limit=50&form={MEETING}&status=waitlisted"),
    "people of a country": Question("registration", "/v1/registrations?limit=50&country=FJ"),
    "people of a partner": Question("registration", "/v1/registrations?limit=50&partner=partner-b"),
    "people of a group": Question("registration", "/v1/registrations?limit=50&working_group={group}"),
    "people of a day": Question("registration", "/v1/registrations?limit=50&since=2026-01-01&until=2026-01-01"),
    "people of the last day": Question("registration", "/v1/registrations?limit=50&since={last_day}"),
    "address": Question("registration", f"/v1/registrations?limit=50&q={quote('participant-777@')}"),
    "word of a name": Question("registration", "/v1/registrations?limit=50&q=number777"),
    "usual word of a name": Question("registration", "/v1/registrations?limit=50&q=usual"),
    "organisation": Question("registration", "/v1/registrations?limit=50&q=haus777"),
    "word of each organisation": Question("registration", "/v1/registrations?limit=50&q=organisation"),
    "nobody's name": Question("registration", "/v1/registrations?limit=50&q=nobodyatall"),
    "name in a form": Question("registration", f"/v1/registrations?limit=50&form={MEETING}&q=rare"),
    "not registered for": Question("registration", "/v1/registrations?limit=50&not_registered_for=meeting-3"),
    "people file": Question("registration", "/v1/registrations", csv=True),
}


@dataclass(slots=True)
class Side:
    """A running installation of one size, and the words that its questions need."""

    urls: dict[str, str]
    key: str
    words: dict[str, str]


def measure(ground: Ground) -> Entry:
    """P8."""
    with ground.processes() as processes:
        few = _side(ground, processes, "few", FEW)
        many = _side(ground, processes, "many", ground.options.million)
        found = {name: _compare(few, many, question) for name, question in QUESTIONS.items()}
    print(f"  {'question':<24}{'p95 few':>9}{'p95 many':>9}{'ratio':>7}")
    for name, entry in found.items():
        print(f"  {name:<24}{entry['few_ms']:>9}{entry['many_ms']:>9}{entry['ratio']:>7}")
    worst = max(found, key=lambda name: float(found[name]["ratio"]))
    ratio = found[worst]["ratio"]
    return {"ratio": ratio, "aim": AIM_RATIO, "met": ratio <= AIM_RATIO, "worst": worst, "questions": found}


def _side(ground: Ground, processes: ProcessGroup, name: str, number: int) -> Side:
    installation = ground.installation(f"reading-{name}")
    _load(processes, installation, name)
    groups = [row[0] for row in rows(installation.urls["events"], "SELECT id FROM working_group ORDER BY id")]
    began = time.monotonic()
    fill(installation, number, groups)
    print(f"  {number} registrations made in {time.monotonic() - began:.0f} s", flush=True)
    last = rows(installation.urls["registration"], "SELECT max(accepted_at)::date::text FROM registration")[0][0]
    urls = {service: _start(processes, installation, service, name) for service in SERVED_BY}
    return Side(urls, installation.secrets.coordinator_key, {"group": groups[0], "last_day": last})


def _load(processes: ProcessGroup, installation: TestInstallation, name: str) -> None:
    """Forms and events of the sample."""
    engine = open_engine(installation.urls["registration"])
    folder = installation.secrets.folder
    keys = FormKeys(folder / "form-keys", read_keys(folder / "master.key"))
    load_forms(UnitOfWork(engine, "registration"), keys, SAMPLE)
    engine.dispose()
    command = f"services.events load {SAMPLE} --move-to-next upr-webinar-10"
    loaded = processes.start(f"load-{name}", command, env=installation.environment("events", "operator"))
    assert loaded.wait(60) == 0, loaded.log_text()


def _start(processes: ProcessGroup, installation: TestInstallation, service: str, name: str) -> str:
    port, process = free_port(), SERVED_BY[service]
    environment = {
        **installation.environment(service, process),
        "TROIKA_BIND": f"127.0.0.1:{port}",
        "TROIKA_WEB_WORKERS": "1",
    }
    url = f"http://127.0.0.1:{port}"
    ready = f"{url}/-/{service}/readyz"
    processes.start(f"{service}-{name}", f"services.{service} {process}", env=environment, ready_url=ready)
    return url


def _compare(few: Side, many: Side, question: Question) -> Entry:
    """The sides take turns, so that noise falls on both."""
    times_s: tuple[list[float], list[float]] = ([], [])
    for number in range(TIMES + 2):
        for side, found in zip((few, many), times_s, strict=True):
            took_s = _ask(side, question)
            if number >= 2:
                found.append(took_s)
    few_ms, many_ms = (round(_p95(found) * 1000, 1) for found in times_s)
    return {"few_ms": few_ms, "many_ms": many_ms, "ratio": round(many_ms / few_ms, 2)}


def _p95(found: list[float]) -> float:
    return sorted(found)[int(len(found) * 0.95) - 1]


def _ask(side: Side, question: Question) -> float:
    """Seconds to the whole answer, or to a file's first byte."""
    place = urlsplit(side.urls[question.service])
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    headers = {"Authorization": f"Bearer {side.key}"} | ({"Accept": "text/csv"} if question.csv else {})
    began = time.perf_counter()
    connection.request("GET", question.path.format(**side.words), headers=headers)
    response = connection.getresponse()
    body = response.read(1) if question.csv else response.read()
    took_s = time.perf_counter() - began
    assert response.status == 200, (question.path, response.status, body)
    assert question.csv or "items" in (json.loads(body)) or question.service == "events"
    connection.close()
    return took_s
