"""The line to the database breaks in the one moment in which nobody can know: after COMMIT, before its answer."""

import pytest
from sqlalchemy import make_url

from tests.support.clients import Answer, all_at_once, answers, rows
from tests.support.fault_proxy import Ending, FaultProxy, Faults, Way
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.web import load_webinar, start_web

ANSWER_OF_COMMIT = b"COMMIT\0"
"""Of PostgreSQL's CommandComplete; the other way it is a statement's text, which passes."""

STORED = "SELECT id::text FROM registration ORDER BY id"
SAID = "SELECT subject FROM outbox ORDER BY id"


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """On the shared server."""
    return make_installation(postgres, tmp_path_factory.mktemp("commit"))


@pytest.mark.parametrize("ending", [Ending.RESET, Ending.CLOSE], ids=lambda ending: ending.value)
def test_answer_of_commit_lost(
    postgres: PostgresServer, installation: TestInstallation, processes: ProcessGroup, ending: Ending, chaos_full: bool
) -> None:
    """503 although it is stored; the same key then gets the stored 201; one row and one message each."""
    load_webinar(installation, capacity=None)
    direct = installation.urls["registration"]
    with FaultProxy(postgres.port) as proxy:
        through = make_url(direct).set(port=proxy.port)
        installation.urls["registration"] = through.render_as_string(hide_password=False)
        url = start_web(processes, installation, workers=1).url
        ids = [register(url, 0).body["id"]]
        for number in range(1, 100 if chaos_full else 5):
            proxy.set(Faults(down=Way(cut_at=ANSWER_OF_COMMIT, ending=ending)))
            lost = register(url, number)
            assert (lost.status, int(lost.headers["Retry-After"]) > 0) == (503, True)
            assert len(rows(direct, STORED)) == number + 1
            proxy.heal()
            known = register(url, number)
            assert known.status == 201
            ids.append(known.body["id"])
    assert sorted(ids) == [row[0] for row in rows(direct, STORED)]
    assert sorted(ids) == sorted(row[0] for row in rows(direct, SAID))
    print(f"\nanswer of COMMIT lost ({ending.value}): {len(ids) - 1} times 503, then the stored 201; 0 doubled")


def register(url: str, number: int) -> Answer:
    """One person, always with the same key."""
    (answer,) = all_at_once(url, [(answers(number), {"Idempotency-Key": f"person-number-{number:06}"})], 1)
    return answer
