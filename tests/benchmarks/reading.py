"""P8: coordinators' queries at a million registrations and at 10,000: the 95th percentile of each.

One at a time, and by 8 and 32 coordinators at once.
"""

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from deploy.local.installation import SAMPLE
from services.registration.loading import load_forms
from services.registration.sealing.key_folder import KeyFolder
from services.registration.sealing.key_store import FormKeys
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.security.sealing import read_keys
from tests.benchmarks.ground import Entry, Ground
from tests.benchmarks.million import LARGEST, fill
from tests.support.clients import rows
from tests.support.installation import TestInstallation
from tests.support.ports import free_port
from tests.support.processes import ProcessGroup

FEW = 10_000
TIMES = 40
CROWDS = {8: 10, 32: 5}
"""How many ask at once, and how often each of them."""
AIM_RATIO, FAST_MS = 1.5, 100.0
"""A question is fast enough by either."""
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
    "people by name, counted": Question("registration", "/v1/registrations?limit=50&sort=name&total=true"),
    "answer in a form": Question("registration", f"/v1/registrations?limit=50&form={LARGEST}&answer.meal=vegan"),
    "word of an answer": Question("registration", f"/v1/registrations?limit=50&form={LARGEST}&answer.questions=sign"),
    "form by name, counted": Question(
        "registration", f"/v1/registrations?limit=50&form={LARGEST}&sort=name&total=true&representative=true"
    ),
    "answers by country": Question("registration", f"/v1/registrations?form={LARGEST}&group_by=answer.meal,country"),
    "counts by country": Question("registration", "/v1/registrations?group_by=country"),
    "counts by form, status": Question("registration", "/v1/registrations?group_by=form,status&total=true"),
    "counts by partner, day": Question("registration", "/v1/registrations?group_by=partner,day"),
    "counts by organisation": Question("registration", "/v1/registrations?group_by=organisation"),
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
    print(f"  {'question':<24}{'p95 few':>9}{'p95 many':>9}{'ratio':>7}" + "".join(_heads(n) for n in CROWDS))
    for name, entry in found.items():
        crowds = "".join(_cells(entry[f"at_once_{n}"]) for n in CROWDS)
        print(f"  {name:<24}{entry['few_ms']:>9}{entry['many_ms']:>9}{entry['ratio']:>7}{crowds}")
    every = {f"{name}, {n} at once": entry[f"at_once_{n}"] for name, entry in found.items() for n in CROWDS} | found
    slow = {name: entry for name, entry in every.items() if not _is_fast(entry)}
    refused = sum(entry.get("refused", 0) for entry in every.values())
    worst = max(slow or every, key=lambda name: float(every[name]["ratio"]))
    return {
        "ratio": every[worst]["ratio"],
        "aim": AIM_RATIO,
        "met": not slow and not refused,
        "worst": worst,
        "slow": sorted(slow),
        "refused": refused,
        "questions": found,
    }


def _is_fast(entry: Entry) -> bool:
    return bool(entry["ratio"] <= AIM_RATIO or entry["many_ms"] < FAST_MS)


def _heads(number: int) -> str:
    return f"{f'{number} few':>9}{f'{number} many':>9}{'ratio':>7}{'503':>5}"


def _cells(entry: Entry) -> str:
    return f"{entry['few_ms']:>9}{entry['many_ms']:>9}{entry['ratio']:>7}{entry['refused']:>5}"


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
    keys = FormKeys(KeyFolder(folder / "form-keys", read_keys(folder / "master.key")))
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
            took_s, _ = _ask(side, question)
            if number >= 2:
                found.append(took_s)
    return _entry(*times_s) | {
        f"at_once_{clients}": _compare_crowds(few, many, question, clients, each) for clients, each in CROWDS.items()
    }


def _compare_crowds(few: Side, many: Side, question: Question, clients: int, each: int) -> Entry:
    answers = [_crowd(side, question, clients, each) for side in (few, many)]
    times_s = [[took_s for took_s, status in side if status == 200] or [0.0] for side in answers]
    refused = sum(status == 503 for side in answers for _, status in side)
    return _entry(*times_s) | {"refused": refused}


def _crowd(side: Side, question: Question, clients: int, each: int) -> list[tuple[float, int]]:
    """(seconds, status) of each answer to ``clients`` who ask the same ``each`` times, one after the other."""
    with ThreadPoolExecutor(clients) as pool:
        people = [pool.submit(lambda: [_ask(side, question) for _ in range(each)]) for _ in range(clients)]
        return [answer for one in people for answer in one.result()]


def _entry(few_s: list[float], many_s: list[float]) -> Entry:
    few_ms, many_ms = (round(_p95(found) * 1000, 1) for found in (few_s, many_s))
    return {"few_ms": few_ms, "many_ms": many_ms, "ratio": round(many_ms / few_ms, 2) if few_ms else 0.0}


def _p95(found: list[float]) -> float:
    return sorted(found)[max(0, int(len(found) * 0.95) - 1)]


def _ask(side: Side, question: Question) -> tuple[float, int]:
    """Seconds to the whole answer, or to a file's first byte; and its status, 200 or 503."""
    place = urlsplit(side.urls[question.service])
    connection = http.client.HTTPConnection(str(place.hostname), place.port, timeout=30)
    headers = {"Authorization": f"Bearer {side.key}"} | ({"Accept": "text/csv"} if question.csv else {})
    began = time.perf_counter()
    connection.request("GET", question.path.format(**side.words), headers=headers)
    response = connection.getresponse()
    body = response.read(1) if question.csv else response.read()
    took_s = time.perf_counter() - began
    assert response.status in (200, 503), (question.path, response.status, body)
    connection.close()
    if response.status == 200 and not question.csv and question.service == "registration":
        assert {"items", "groups"} & json.loads(body).keys(), body
    return took_s, response.status
