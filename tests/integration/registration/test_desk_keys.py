"""What the login of a desk may do in the keys database, and what it is refused: each statement with the real login."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing

import psycopg
import pytest

from services.registration.sealing.key_store import FormKeys, KeyState, KeyStore
from shared.db.roles import login
from tests.integration.registration.test_form_keys import FORM, OTHER, TODAY, databases, open_database
from tests.support.clients import rows
from tests.support.installation import FreshDatabases, database_of
from tests.support.postgres import Connection, PostgresServer

assert databases


REPLACING: dict[str, Callable[[KeyStore], object]] = {
    "begin to replace": lambda store: store.begin_replacement(FORM),
    "end to replace": lambda store: store.end_replacement(FORM, FormKeys(store).private_keys(FORM)),
    "wrap": lambda store: store.rewrap(),
}
COLUMNS = ("form", "wrapped", "fingerprints", "made_at", "changed_at", "destroyed_at")
REFUSED = (
    *(f"UPDATE form_private_key SET {column} = {column}" for column in COLUMNS),
    "UPDATE form_private_key SET wrapped = NULL, destroyed_at = now()",
    "INSERT INTO form_private_key (form, destroyed_at) VALUES ('other', now())",
    "INSERT INTO form_private_key (form, wrapped) VALUES ('a-form', 'x') "
    "ON CONFLICT (form) DO UPDATE SET wrapped = excluded.wrapped",
    "MERGE INTO form_private_key USING (SELECT 1) AS one ON true WHEN MATCHED THEN UPDATE SET wrapped = 'x'",
    "SELECT 1 FROM form_private_key FOR UPDATE",
)


@pytest.fixture(params=["desk", "web"])
def process(request: pytest.FixtureRequest) -> str:
    """Each kind of process that serves the desk and has a login in the keys database."""
    return str(request.param)


@pytest.fixture
def desk(databases: FreshDatabases, process: str) -> Iterator[KeyStore]:
    """Of such a process; the key of one form is made."""
    with ExitStack() as opened:
        made = open_database(opened, databases, process)
        made.make(FORM)
        yield made


def accepted(connection: Connection, statements: Sequence[str]) -> list[str]:
    """Those of ``statements`` for which the login has the rights."""
    found = []
    for statement in statements:
        try:
            connection.execute(statement)
        except psycopg.errors.InsufficientPrivilege:
            continue
        found.append(statement)
    return found


def test_key_is_made_read_and_destroyed(desk: KeyStore) -> None:
    assert (desk.problem(), len(FormKeys(desk).private_keys(FORM))) == ("", 1)
    desk.destroy(FORM, TODAY)
    desk.destroy(FORM, "2027-01-01T00:00:00+00:00")
    desk.destroy(OTHER, TODAY)
    assert (desk.is_destroyed(FORM), FormKeys(desk).has(FORM)) == (True, False)
    assert desk.states() == [KeyState(FORM, 0, TODAY), KeyState(OTHER, 0, TODAY)]


@pytest.mark.parametrize("change", REPLACING)
def test_desk_neither_replaces_nor_wraps_a_key(desk: KeyStore, databases: FreshDatabases, change: str) -> None:
    """The operator's login does, with the same key."""
    before = desk.wrapped(FORM)
    with pytest.raises(Exception, match="permission denied for table form_private_key"):
        REPLACING[change](desk)
    assert desk.wrapped(FORM) == before
    with ExitStack() as opened:
        REPLACING[change](open_database(opened, databases, "operator"))
    assert desk.wrapped(FORM) != before


@pytest.mark.usefixtures("desk")
def test_desk_changes_no_column_of_a_key(databases: FreshDatabases, postgres: PostgresServer, process: str) -> None:
    with closing(postgres.connect(database_of(databases["keys"]), login("keys", process))) as connection:
        assert accepted(connection, REFUSED) == []
    owner = rows(databases["keys"], "SELECT current_user")[0][0]
    with closing(postgres.connect(database_of(databases["keys"]), owner)) as connection:
        assert accepted(connection, REFUSED[:1]) == [REFUSED[0]]  # the statement is well formed


def test_operator_cannot_remove_a_tombstone(
    databases: FreshDatabases, postgres: PostgresServer, desk: KeyStore
) -> None:
    """Its login may change the wrapped key of a form, and not whether the key is destroyed."""
    desk.destroy(FORM, TODAY)
    with closing(postgres.connect(database_of(databases["keys"]), login("keys", "operator"))) as connection:
        changes = ("destroyed_at = NULL, wrapped = 'x'", "form = 'other'")
        assert accepted(connection, [f"UPDATE form_private_key SET {change}" for change in changes]) == []
        with pytest.raises(psycopg.Error, match="its tombstone stays"):
            connection.execute("UPDATE form_private_key SET wrapped = 'x'")
