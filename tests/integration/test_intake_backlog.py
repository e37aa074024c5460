"""The intake's backlog, as metrics."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from services.registration.telemetry import (
    confirmation_mail_oldest_overdue_age_seconds,
    confirmation_mails_budget,
    confirmation_mails_last_hour,
    confirmation_mails_overdue,
    submission_oldest_undecided_age_seconds,
    submissions_parked,
    submissions_undecided,
)
from services.registration.workers import set_intake_gauges
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from tests.support.clients import rows
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.web import load_webinar

NOON = datetime(2020, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
KEY_ID = bytes(8)


@pytest.fixture
def installation(postgres: PostgresServer, tmp_path: Path) -> TestInstallation:
    """Fresh databases with a webinar."""
    made = make_installation(postgres, tmp_path)
    load_webinar(made, capacity=100)
    return made


@pytest.fixture
def decider(installation: TestInstallation) -> Iterator[UnitOfWork]:
    """The database with the decider's login; its key is published, and nothing waits."""
    url = installation.urls["registration"]
    rows(
        url,
        "INSERT INTO decider_key (id, public, published_at) VALUES (%s, %s, %s) RETURNING 1",
        KEY_ID,
        bytes(32),
        NOON,
    )
    engine = open_engine(installation.url("registration", "decide"))
    yield UnitOfWork(engine, "registration")
    engine.dispose()


def store(installation: TestInstallation, number: int, state: str, age: timedelta, attempts: int = 0) -> None:
    """A submission that was received so long before noon."""
    rows(
        installation.urls["registration"],
        """
        INSERT INTO submission (receipt_hash, form, form_revision, fingerprint, code, body, decider_key, received_at,
            state, attempts, parked_reason)
        VALUES (%s, 'upr-webinar-10', 1, %s, 'K7QM', 'sealed', %s, %s, %s, %s,
            CASE WHEN %s = 'parked' THEN 'it cannot be read' END) RETURNING 1
        """,
        number.to_bytes(32, "big"),
        bytes(32),
        KEY_ID,
        NOON - age,
        state,
        attempts,
        state,
    )


def mailbox(installation: TestInstallation, number: int, waits: bool, due: timedelta, muted: bool = False) -> None:
    """A mailbox that has had something to confirm for an hour, and may be written to at ``due`` from noon."""
    rows(
        installation.urls["registration"],
        """
        INSERT INTO mailbox (mailbox_ref, domain_ref, next_mail_at, waiting_since, muted_at)
        VALUES (%s, '', %s, %s, %s) RETURNING 1
        """,
        number.to_bytes(32, "big"),
        NOON + due,
        NOON - 60 * MINUTE if waits else None,
        NOON if muted else None,
    )


def seen() -> list[float]:
    """The gauges: undecided and how old, parked, overdue mails and how long, mails and budget."""
    gauges = (
        submissions_undecided,
        submission_oldest_undecided_age_seconds,
        submissions_parked,
        confirmation_mails_overdue,
        confirmation_mail_oldest_overdue_age_seconds,
        confirmation_mails_last_hour,
        confirmation_mails_budget,
    )
    return [float(gauge._value.get()) for gauge in gauges]


def test_empty_intake_shows_zeros(decider: UnitOfWork) -> None:
    set_intake_gauges(decider, NOON, 1000)
    assert seen() == [0.0] * 6 + [1000.0]


def test_backlog_is_shown_with_the_age_of_its_oldest(decider: UnitOfWork, installation: TestInstallation) -> None:
    for number, (state, minutes) in enumerate([("received", 3), ("received", 2), ("parked", 90)]):
        store(installation, number, state, minutes * MINUTE)
    set_intake_gauges(decider, NOON, 1000)
    assert seen()[:3] == [2.0, 180.0, 1.0]


def test_mail_is_overdue_once_its_spacing_allows_it(decider: UnitOfWork, installation: TestInstallation) -> None:
    mailbox(installation, 1, waits=True, due=-10 * MINUTE)
    mailbox(installation, 2, waits=True, due=-90 * MINUTE)
    mailbox(installation, 3, waits=True, due=5 * MINUTE)
    mailbox(installation, 4, waits=False, due=-10 * MINUTE)
    mailbox(installation, 5, waits=True, due=-10 * MINUTE, muted=True)
    set_intake_gauges(decider, NOON, 1000)
    assert seen()[3:5] == [2.0, 3600.0]
