"""What passes the gate while the database is in quarantine."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

import pytest
from werkzeug.test import Client

from shared.store.quarantine import Quarantine, QuarantineWatch
from shared.web.quarantine_gate import QuarantineGate

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class InQuarantine:
    """Knows of a quarantine."""

    def current(self) -> Quarantine:
        """That one."""
        return Quarantine(datetime(2020, 3, 4, 3, tzinfo=UTC), "restored from a backup")


def answer(_environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
    """An application that answers everything."""
    start_response("200 OK", [])
    return [b""]


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
def test_only_files_and_what_is_read_pass(method: str, path: str, status: int) -> None:
    gate = QuarantineGate(answer, cast(QuarantineWatch, InQuarantine()), ("/embed/",))
    assert Client(gate).open(path, method=method).status_code == status
