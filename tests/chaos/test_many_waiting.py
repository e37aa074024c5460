"""A million mailboxes wait for a confirmation mail: a tick of the decider reads a bounded number of rows."""

import time
from datetime import timedelta

import pytest
from sqlalchemy import text

from services.registration.intake import mailboxes
from services.registration.intake.mail_lines import PER_NETWORK_A_DAY
from tests.integration.registration.conftest import installation as installation
from tests.integration.registration.conftest import service as service
from tests.integration.registration.conftest import with_webinar as with_webinar
from tests.support.clients import WEBINAR, answers, rows
from tests.support.proofs_of_work import keys_of, minted
from tests.support.registration_service import RegistrationService

PROVEN, AT_PROVIDER = "proven@ngo.example.org", "someone@gmail.com"

SOURCE = """
    CREATE TABLE waiting AS SELECT n, sha256(int4send(n)) AS mailbox, timestamptz '{now}' AS at,
        CASE mod(n, 4) WHEN 2 THEN sha256('d' || int4send(n)) WHEN 3 THEN '' ELSE sha256('one') END AS domain,
        sha256('n' || int4send(CASE mod(n, 4) WHEN 0 THEN 0 WHEN 1 THEN n ELSE mod(n, 68) END)) AS network,
        timestamptz '{now}' + CASE mod(n, 4) WHEN 3 THEN interval '2 hours' ELSE interval '0' END AS due_at
    FROM generate_series({first}, {last}) AS n
"""
"""A quarter each: one domain and network; one domain, and a network each; a domain each, by few networks; not due."""

ONE_LINE = """
    CREATE TABLE waiting AS SELECT n, sha256(int4send(n)) AS mailbox, timestamptz '{now}' AS at,
        sha256('one') AS domain, sha256('n') AS network, timestamptz '{now}' AS due_at
    FROM generate_series({first}, {last}) AS n
"""
"""All of one domain, by one network."""

MAILBOXES = """
    INSERT INTO mailbox (mailbox_ref, domain_ref, next_mail_at, waiting_since)
    SELECT mailbox, domain, due_at, at FROM waiting
"""
LINES = """
    INSERT INTO waiting_network (mailbox_ref, network, since, domain_ref, due_at)
    SELECT mailbox, network, at, domain, due_at FROM waiting
    UNION ALL SELECT mailbox, decode(repeat('00', 32), 'hex'), at, domain, due_at + interval '1 day' FROM waiting
"""
ADDRESSES = """
    INSERT INTO waiting_address (address_ref, mailbox_ref, email, language, since, proven, plain)
    SELECT mailbox, mailbox, n || '@example.org', 'en', at, false, true FROM waiting
    UNION ALL SELECT sha256('t' || int4send(n)), sha256(int4send(4)), n || '@example.com', 'en', at, false, false
    FROM waiting WHERE mod(n, 4) = 0
"""
"""One mailbox has a quarter of all addresses."""

TRIGGERS = "; ".join(
    f"ALTER TABLE {table} {{0}} TRIGGER USER" for table in ("mailbox", "waiting_network", "waiting_address")
)
BATCH = 50_000
UNLIMITED = "SET LOCAL statement_timeout = 0;"

READ = text("""
    SELECT sum(seq_tup_read + idx_tup_fetch) FROM pg_stat_xact_user_tables
    WHERE relname IN ('mailbox', 'waiting_network', 'waiting_address', 'mail_count')
""")
MAX_READ = 10_000
"""Rows that a tick reads at most, of hundreds of mails: 4,000 to 7,000 with 6,000 to 20,000 mailboxes, but 87,000 and
more with 6,000 or 10,000 if it reads every line."""
MAX_READ_OF_A_LINE = 1500
"""Rows for the mails of one line."""


@pytest.fixture
def many(service: RegistrationService, pytestconfig: pytest.Config) -> int:
    """Mailboxes that wait: a million in ``make chaos``."""
    many = 1_000_000 if pytestconfig.getoption("chaos") == "full" else 10_000
    fill(service, many, SOURCE)
    return many


def fill(service: RegistrationService, many: int, source: str) -> None:
    """Store so many waiting mailboxes."""
    now = service.clock() - timedelta(hours=1)
    for table in ("waiting_network", "waiting_address"):  # checks that were planned for an empty table would take hours
        rows(service.url, f"ALTER TABLE {table} DROP CONSTRAINT {table}_mailbox_ref_fkey")
    rows(service.url, TRIGGERS.format("DISABLE"))  # a million take minutes; what they write is written here
    for first in range(1, many, BATCH):
        for statement in (source, MAILBOXES, LINES, ADDRESSES, "DROP TABLE waiting"):
            rows(service.url, UNLIMITED + statement.format(now=now, first=first, last=first + BATCH - 1))
    rows(service.url, TRIGGERS.format("ENABLE"))


def test_tick_reads_the_heads_of_lines_however_many_wait(service: RegistrationService, many: int) -> None:
    """A person with a proof of work, or at a mail provider, is written to in the first tick."""
    rows(service.url, "UPDATE form SET verification = 'email'")
    proof = minted(keys_of(service.installation), WEBINAR, service.clock())
    for number, (email, more) in enumerate({PROVEN: {"altcha": proof}, AT_PROVIDER: {}}.items()):
        answered = service.submit(
            answers(number, email=email, **more), headers={"X-Forwarded-For": f"192.0.2.{number}"}
        )
        assert answered.status_code == 202, answered.text
    began = time.perf_counter()
    service.decider.run_once()
    print(f"{many} mailboxes: first tick {time.perf_counter() - began:.2f} s")
    assert {PROVEN, AT_PROVIDER} <= set(service.mailed())
    for _ in range(3):
        began = time.perf_counter()
        with service.work("decide").transaction() as connection:
            taken = mailboxes.take_due_mails(connection, service.clock(), 500, 10_000)
            read = int(connection.execute(READ).scalar_one())
        print(f"{many} mailboxes: {len(taken)} mails, {read} rows, {time.perf_counter() - began:.2f} s")
        assert taken
        assert read < MAX_READ
    with service.work("decide").transaction() as connection:
        count, since = mailboxes.overdue_mails(connection, service.clock())
    assert count > 0
    assert since is not None


def test_long_line_is_read_from_its_head(service: RegistrationService) -> None:
    """A sender who makes one domain wait costs no more than the mails that go to it."""
    fill(service, BATCH, ONE_LINE)
    with service.work("decide").transaction() as connection:
        taken = mailboxes.take_due_mails(connection, service.clock(), 500, 10_000)
        read = int(connection.execute(READ).scalar_one())
    print(f"{BATCH} mailboxes in one line: {len(taken)} mails, {read} rows")
    assert read < MAX_READ_OF_A_LINE
    assert len(taken) == PER_NETWORK_A_DAY
