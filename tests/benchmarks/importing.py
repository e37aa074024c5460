"""P16: 100,000 people from a file with a sealed answer, from the file to the last registration with its messages."""

import csv
import io
import time
from typing import Any

import requests

from tests.benchmarks.implementations import ACCEPTS, start, start_decider
from tests.benchmarks.intake_adapter import DECIDER
from tests.benchmarks.processor import cpu_s
from tests.benchmarks.servers import Entry, Servers
from tests.support.clients import WEBINAR, rows
from tests.support.waiting import poll_until

AIM_S = 60.0
WITHIN_S = 900
HEADINGS = ("Email address", "Full name", "Organisation", "Country", "Access needs")


def measure(servers: Servers) -> Entry:
    """P16."""
    people = servers.options.imported
    with servers.processes() as processes:
        run = start(processes, servers.fresh_installation("importing"), ACCEPTS)
        rows(run.installation.urls["registration"], "UPDATE seat SET capacity = NULL")
        start_decider(run, processes, DECIDER)
        base, key = f"{run.web.url}/v1/imports", run.installation.secrets.coordinator_key
        headers = {"Authorization": f"Bearer {key}"}
        before_s, began = cpu_s([*run.pids, servers.postgres.pid]), time.monotonic()
        of_file = {**headers, "Content-Type": "text/csv"}
        sent = requests.post(f"{base}?form={WEBINAR}", data=_file(people), headers=of_file, timeout=WITHIN_S)
        uploaded = _sent(sent)
        read_s, path = time.monotonic() - began, f"{base}/{uploaded['id']}"
        seen = {**headers, "If-Match": "*"}
        checked = _sent(requests.put(f"{path}/mapping", json=uploaded["proposed"], headers=seen, timeout=WITHIN_S))
        check_s = time.monotonic() - began - read_s
        assert checked["expected"] == {"confirmed": people}, checked["expected"]
        confirmed = time.monotonic()
        _sent(requests.post(f"{path}/confirm", json={"reason": "a benchmark"}, headers=seen, timeout=WITHIN_S))
        poll_until(lambda: _state(path, headers) != "running", WITHIN_S, every_s=0.5, what="the import is over")
        import_s, spent_s = time.monotonic() - confirmed, cpu_s([*run.pids, servers.postgres.pid]) - before_s
        url = run.installation.urls["registration"]
        [(registered, published)] = rows(
            url, "SELECT (SELECT count(*) FROM registration), (SELECT count(*) FROM outbox)"
        )
    assert (registered, published) == (people, people), (registered, published)
    print(
        f"  {people} people: read {read_s:.1f} s, checked {check_s:.1f} s, imported {import_s:.1f} s "
        f"(aim {AIM_S:.0f}), "
        f"{spent_s * 1000 / people:.2f} ms CPU each"
    )
    figures = {"read_s": round(read_s, 1), "check_s": round(check_s, 1), "people": people}
    return {"ratio": round(import_s, 1), "aim": AIM_S, "met": import_s <= AIM_S, **figures}


def _state(path: str, headers: dict[str, str]) -> str:
    return str(_sent(requests.get(path, headers=headers, timeout=WITHIN_S))["state"])


def _sent(answer: requests.Response) -> dict[str, Any]:
    assert answer.ok, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _file(people: int) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(HEADINGS)
    for number in range(people):
        needs = "A ramp" if number % 10 == 0 else ""
        writer.writerow(
            (f"imported-{number}@example.org", f"Participant {number}", f"Organisation {number % 500}", "CH", needs)
        )
    return text.getvalue().encode()
