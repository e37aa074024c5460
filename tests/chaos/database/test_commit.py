"""The connection to the database breaks after the INSERT and before its answer, so the outcome is unknown."""

import pytest
from sqlalchemy import make_url

from tests.support.clients import Answer, all_at_once, answers, rows
from tests.support.fault_proxy import Ending, FaultProxy, Faults, Way
from tests.support.installation import TestInstallation, make_installation
from tests.support.journal import Journal
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.web import load_webinar, start_web

ANSWER_OF_INSERT = b"INSERT 0 1\0"
"""Of PostgreSQL's CommandComplete; a submission is one statement, which is committed when it is answered."""

STORED = "SELECT encode(receipt_hash, 'hex') FROM submission ORDER BY 1"


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """On the shared server."""
    return make_installation(postgres, tmp_path_factory.mktemp("commit"))


@pytest.mark.parametrize("ending", [Ending.RESET, Ending.CLOSE], ids=lambda ending: ending.value)
def test_answer_of_insert_lost(
    postgres: PostgresServer, installation: TestInstallation, processes: ProcessGroup, ending: Ending
) -> None:
    """503 although it is stored; the same key then gets the stored receipt; one row each."""
    load_webinar(installation, capacity=None)
    direct = installation.urls["registration"]
    with FaultProxy(postgres.port) as proxy:
        through = make_url(direct).set(port=proxy.port)
        installation.urls["registration"] = through.render_as_string(hide_password=False)
        url = start_web(processes, installation, workers=1).url
        receipts = [Journal.receipt_of(submit(url, 0))]
        for number in range(1, 100):
            proxy.set(Faults(down=Way(cut_at=ANSWER_OF_INSERT, ending=ending)))
            lost = submit(url, number)
            assert (lost.status, int(lost.headers["Retry-After"]) > 0) == (503, True)
            assert len(rows(direct, STORED)) == number + 1
            proxy.heal()
            known = submit(url, number)
            assert known.status == 202
            receipts.append(Journal.receipt_of(known))
    assert sorted(receipts) == [row[0] for row in rows(direct, STORED)]
    print(
        f"\nanswer of INSERT lost ({ending.value}): {len(receipts) - 1} times 503, then the stored receipt; 0 doubled"
    )


def submit(url: str, number: int) -> Answer:
    """One person, always with the same key."""
    (answer,) = all_at_once(url, [(answers(number), {"Idempotency-Key": f"person-number-{number:06}"})], 1)
    return answer
