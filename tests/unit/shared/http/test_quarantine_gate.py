"""What passes while the database is in quarantine, or was down and may have been restored."""

import json
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

import pytest
from werkzeug.test import Client

from shared.db.quarantine import CHECK_EVERY_S
from shared.http.gates import QuarantineGate
from tests.support.quarantine_row import ROW, OneRow

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CHANGES = ("POST", "PUT", "PATCH", "DELETE")
OUTAGE_S = 3600.0


def answer(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """An application that answers everything."""
    start_response("200 OK", [])
    return [b""]


@pytest.fixture
def database() -> OneRow:
    """A database that is not in quarantine."""
    return OneRow()


@pytest.fixture
def client(database: OneRow) -> Client:
    """An application behind the gate, which has served a request."""
    client = Client(QuarantineGate(answer, database.watch(), frozenset({"/console/sign-in"}), ("/embed/",)))
    assert client.post("/v1/forms/upr-webinar-10/submissions").status_code == 200
    return client


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/embed/form.js", 200),
        ("POST", "/embed/form.js", 503),
        ("DELETE", "/v1/suppressions/participant@example.css", 503),
        ("GET", "/embed/upr-webinar-10", 503),
        ("GET", "/console/registrations", 200),
        ("POST", "/console/registrations", 503),
        ("POST", "/console/sign-in", 200),
    ],
)
def test_only_files_and_what_is_read_pass(
    client: Client, database: OneRow, method: str, path: str, status: int
) -> None:
    database.row, database.now_s = ROW, CHECK_EVERY_S
    assert client.open(path, method=method).status_code == status


@pytest.mark.parametrize("method", CHANGES)
def test_no_change_is_accepted_after_an_outage_before_the_database_has_answered(
    client: Client, database: OneRow, method: str
) -> None:
    """It was restored, and is there again within the second in which no one asks it."""
    database.away, database.now_s = True, OUTAGE_S
    assert client.open("/v1/forms/x/submissions", method=method).status_code == 503
    database.away, database.row = False, ROW
    refused = client.open("/v1/forms/x/submissions", method=method)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert json.loads(refused.data)["code"] == "unavailable"
    database.now_s += CHECK_EVERY_S
    refused = client.open("/v1/forms/x/submissions", method=method)
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "60")
    assert json.loads(refused.data)["code"] == "quarantine"


def test_browser_is_shown_when_to_come_again_after_an_outage(client: Client, database: OneRow) -> None:
    database.away, database.now_s = True, OUTAGE_S
    refused = client.post("/embed/upr-webinar-10", headers={"Accept": "text/html"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "2")
    assert "wait 2 seconds" in refused.text


@pytest.mark.parametrize(("method", "path"), [("GET", "/embed/upr-webinar-10"), ("POST", "/console/sign-in")])
def test_outage_does_not_stop_what_changes_nothing(client: Client, database: OneRow, method: str, path: str) -> None:
    """The page cache has form pages, and the application itself reports what it cannot do without its database."""
    database.away, database.now_s = True, OUTAGE_S
    assert client.open(path, method=method).status_code == 200


@pytest.mark.parametrize("method", CHANGES)
def test_after_an_outage_without_a_restore_changes_continue(client: Client, database: OneRow, method: str) -> None:
    database.away, database.now_s = True, OUTAGE_S
    assert client.open("/v1/forms/x/submissions", method=method).status_code == 503
    database.away, database.now_s = False, OUTAGE_S + CHECK_EVERY_S
    assert client.open("/v1/forms/x/submissions", method=method).status_code == 200


@pytest.mark.parametrize(
    ("path", "away", "restored"), [("/v1/forms/x/submissions", 200, 503), ("/v1/forms/x/submissions/y", 503, 503)]
)
def test_page_that_answers_an_outage_itself_is_asked_then_and_not_in_quarantine(
    database: OneRow, path: str, away: int, restored: int
) -> None:
    client = Client(
        QuarantineGate(answer, database.watch(), frozenset(), gated=re.compile("/v1/forms/[^/]+/submissions"))
    )
    assert client.post(path).status_code == 200
    database.away, database.now_s = True, OUTAGE_S
    assert client.post(path).status_code == away
    database.away, database.row, database.now_s = False, ROW, OUTAGE_S + CHECK_EVERY_S
    assert client.post(path).status_code == restored
