"""A web process whose database is down: 503, one line a minute in its log, and a probe with the reason."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import requests

from deploy.local.installation import WEBINAR
from tests.support.installation import make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.web import load_webinar, start_web


def test_web_process_writes_one_line_and_the_probe_names_the_check(
    own_postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> None:
    installation = make_installation(own_postgres, tmp_path)
    load_webinar(installation, capacity=None)
    web = start_web(processes, installation, workers=1)
    before = len(web.program.log_text().splitlines())
    own_postgres.kill()

    def ask(number: int) -> int:
        path = f"/v1/forms/{WEBINAR}" if number % 2 else "/r/no-such-token"
        return requests.get(web.url + path, timeout=20).status_code

    with ThreadPoolExecutor(8) as people:
        assert 503 in set(people.map(ask, range(60)))
    ready = requests.get(f"{web.url}/-/registration/readyz", timeout=20)
    assert (ready.status_code, ready.text) == (503, "not ready\ndatabase: it does not answer\n")
    [line] = [json.loads(line) for line in web.program.log_text().splitlines()[before:]]
    assert (line["message"], line["kind"], line["level"]) == ("the database is unavailable", "connection", "WARNING")
