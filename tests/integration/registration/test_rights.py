"""What each login may do, column by column; the logins of the public processes can read no person."""

import re
from collections.abc import Iterator

import psycopg
import pytest

from services.registration.people.model import CONFIRMATION
from services.registration.people.model import OWN as OWN_LINK
from services.registration.rights import FORMS, OWN, RIGHTS
from shared.cli.settings import role_of
from shared.runtime.ids import link_hash
from tests.support.clients import answers, rows
from tests.support.installation import TestInstallation
from tests.support.registration_service import NAME, RegistrationService

PROCESSES = sorted({process for who in RIGHTS.values() for process in who})
COLUMN_VERBS = ("select", "insert", "update")
_COLUMNS = """
    SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0
        AND NOT a.attisdropped ORDER BY 1, 2
"""
_HELD = """
    SELECT c.relname, a.attname, verb FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid,
        unnest(%s::text[]) AS verb
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND a.attnum > 0
        AND NOT a.attisdropped AND has_column_privilege(%s, c.oid, a.attnum, verb)
"""
_FUNCTIONS = """
    SELECT p.oid::regprocedure::text FROM pg_proc p
    WHERE p.pronamespace = 'public'::regnamespace AND has_function_privilege(%s, p.oid, 'execute')
        AND NOT has_function_privilege('public', p.oid, 'execute')
"""
PEOPLE = (
    "registration", "registration_change", "candidate", "waiting_address", "confirmation_link", "mailbox", "outbox",
    "managing_link", "limited_link", "waiting_link", "organisation", "blocked_address", "submission", "sealed_reading",
    "own_audit_log", "audit_record", "erased_address", "mail_count", "waiting_network",
)  # fmt: skip
"""Tables that contain personal data."""
VIEWS = ("own_audit_log",)


def allowed(process: str, columns: list[tuple[str, str]]) -> set[tuple[str, str, str]]:
    """(table, column, verb) that the table of rights gives to a process."""
    found = set()
    for table, who in RIGHTS.items():
        for given in who.get(process, "").split():
            verb, _, limited = given.rstrip(")").partition("(")
            if verb in COLUMN_VERBS:
                names = limited.split(",") if limited else [name for of, name in columns if of == table]
                found |= {(table, name, verb) for name in names}
    return found


def test_each_login_has_the_columns_of_the_table_of_rights(installation: TestInstallation) -> None:
    """Each column of each table, and each verb that can be limited to columns."""
    url = installation.urls[NAME]
    columns = [(table, column) for table, column in rows(url, _COLUMNS)]
    assert len(columns) > 150
    for process in PROCESSES:
        held = set(rows(url, _HELD, list(COLUMN_VERBS), role_of(NAME, process)))
        assert (process, held) == (process, allowed(process, columns))


def test_each_login_may_execute_the_functions_of_the_table_of_rights(installation: TestInstallation) -> None:
    for process in PROCESSES:
        found = rows(installation.urls[NAME], _FUNCTIONS, role_of(NAME, process))
        held = {re.sub(r"\s*,\s*", ",", name) for (name,) in found}
        given = {name for name, who in RIGHTS.items() if "(" in name and process in who}
        assert (process, held) == (process, {name for name in given if not name.startswith("pg_")})


@pytest.fixture
def with_one_person(service: RegistrationService) -> RegistrationService:
    """Someone is registered, and something else waits for them."""
    service.enrol(answers(1, name="Canary Person", questions="Canary question"))
    service.submit(answers(1, name="Canary Colleague"))
    service.decide()
    return service


@pytest.fixture(params=[FORMS, OWN])
def connection(
    request: pytest.FixtureRequest, with_one_person: RegistrationService
) -> Iterator[psycopg.Connection[object]]:
    """As one of the public processes."""
    url = with_one_person.installation.urls.of(NAME, role_of(NAME, request.param))
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql"), autocommit=True) as opened:
        yield opened


def test_public_login_reads_and_changes_no_one(connection: psycopg.Connection[object]) -> None:
    """Not by a query, not by a copy, not by what a change returns."""
    for table in PEOPLE:
        reading = (f"SELECT * FROM {table}", f"SELECT count(*) FROM {table}")
        changing = (f"COPY {table} TO STDOUT", f"DELETE FROM {table}", f"SELECT 1 FROM {table} FOR UPDATE")
        for statement in reading if table in VIEWS else reading + changing:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):  # runs with the rights of its caller
        connection.execute("SELECT option_counts('upr-webinar-10')")


def test_public_login_cannot_read_a_row_of_the_queue_by_writing(
    connection: psycopg.Connection[object],
) -> None:
    """``RETURNING`` and ``ON CONFLICT DO UPDATE`` would read the row."""
    values = "VALUES (sha256('a'), 'upr-webinar-10', 1, sha256('b'), 'AB23', 'x', 'y')"
    into = "INSERT INTO submission (receipt_hash, form, form_revision, fingerprint, code, body, decider_key)"
    for tail in ("RETURNING id", "ON CONFLICT (receipt_hash) DO UPDATE SET code = excluded.code"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"{into} {values} {tail}")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        connection.execute("INSERT INTO submission (state) VALUES ('decided')")


def _all(service: RegistrationService, process: str, statement: str, *values: object) -> list[tuple[object, ...]]:
    return rows(service.installation.urls.of(NAME, role_of(NAME, process)), statement, *values)


def test_functions_open_nothing_without_a_token(with_one_person: RegistrationService) -> None:
    """And with one, what it opens: of one address, or of one registration."""
    token, own = with_one_person.confirmation_token("participant-1@example.org"), with_one_person.own_token(1)
    confirming, managing = link_hash(token, CONFIRMATION), link_hash(own, OWN_LINK)
    pending = "SELECT content ->> 'name' FROM pending_for(%s, now())"
    assert _all(with_one_person, OWN, pending, confirming) == [("Canary Colleague",)]
    assert _all(with_one_person, OWN, "SELECT name FROM own_registration(%s)", managing) == [("Canary Person",)]
    registered = "SELECT to_jsonb(r) - '{id,form,status,person_key}'::text[] FROM registered_for(%s, now()) r"
    assert _all(with_one_person, OWN, registered, confirming) == [({"name": "Canary Person"},)], "and no answer"
    for hash_ in (managing, bytes(32), token.encode()):
        for call in ("pending_for(%s, now())", "registered_for(%s, now())", "link_of(%s, now())", "link_outcomes(%s)"):
            assert _all(with_one_person, OWN, f"SELECT * FROM {call}", hash_) == []
    for hash_ in (confirming, bytes(32)):
        assert _all(with_one_person, OWN, "SELECT * FROM own_registration(%s)", hash_) == []
        assert _all(with_one_person, OWN, "SELECT own_history(%s) IS NULL", hash_) == [(True,)]
    for call in ("pending_for(%s, now())", "link_of(%s, now())", "own_registration(%s)", "link_outcomes(%s)"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            _all(with_one_person, FORMS, f"SELECT * FROM {call}", confirming)


def test_command_of_the_forms_process_is_refused(with_one_person: RegistrationService) -> None:
    """It inserts what anyone may send: not the token of a link, and so no command that needs one."""
    refusals = {"kind": psycopg.errors.CheckViolation, "token_hash": psycopg.errors.InsufficientPrivilege}
    for column, value in (("kind", "'erase'"), ("token_hash", "sha256('a')")):
        statement = f"""INSERT INTO submission (receipt_hash, {column}, form, form_revision, fingerprint, code, body,
            decider_key) VALUES (sha256('c'), {value}, 'upr-webinar-10', 1, sha256('b'), 'AB23', 'x', 'y')"""
        with pytest.raises(refusals[column]):
            _all(with_one_person, FORMS, statement)
