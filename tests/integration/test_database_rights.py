"""The server limits every process to its rights: each login, each table and function, each verb."""

from collections.abc import Iterator
from contextlib import closing
from itertools import product

import psycopg
import pytest

from deploy.servers.audit_role import ROLE
from deploy.servers.logins import LOGINS, RIGHTS
from shared.db.engine import open_engine
from shared.db.migrate import migrate
from shared.db.roles import OPEN_FUNCTIONS, VERBS, as_set, close_functions, give, migrator
from shared.messaging.embedded import create_table
from tests.support.clients import rows
from tests.support.installation import FreshDatabases, database_of
from tests.support.postgres import Connection, PostgresServer
from tests.support.processes import PROJECT

TABLE_VERBS = VERBS - {"execute"}
ALL_VERBS = {*TABLE_VERBS, "truncate", "references", "trigger", "maintain"}
EVERYONE = sorted({login for names in LOGINS.values() for login in names})

_HELD = """
    SELECT c.relname, r.rolname, verb FROM pg_class c, pg_roles r, unnest(%s::text[]) AS verb
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') AND r.rolname = ANY(%s)
        AND CASE WHEN verb IN ('select', 'insert', 'update', 'references')
            THEN has_any_column_privilege(r.oid, c.oid, verb) ELSE has_table_privilege(r.oid, c.oid, verb) END
    UNION ALL
    SELECT p.oid::regprocedure::text, r.rolname, 'execute' FROM pg_proc p, pg_roles r
    WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND r.rolname = ANY(%s)
        AND has_function_privilege(r.oid, p.oid, 'execute')
"""
"""Tables, and functions that run with their owner's rights; all others give no one more than their own."""
_CLOSED = """
    SELECT oid::regprocedure::text, format('SELECT %I(%s)', proname,
        (SELECT string_agg('''1''::' || kind, ', ') FROM unnest(proargtypes::regtype[]) AS kind))
    FROM pg_proc WHERE pronamespace = 'pg_catalog'::regnamespace
        AND (proname ~ '^pg_(try_)?advisory_(xact_)?lock' OR proname ~ '^lo_' OR proname IN ('loread', 'lowrite'))
"""
"""Functions of PostgreSQL's own that lock numbers or handle large objects, each with a call."""
_FUNCTIONS = """
    SELECT oid::regprocedure::text FROM pg_proc
    WHERE pronamespace = 'public'::regnamespace AND prosecdef AND prorettype <> 'trigger'::regtype
"""
_UNSAFE = """
    SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace AND prosecdef
        AND (has_function_privilege('public', oid, 'execute')
            OR proconfig IS NULL OR NOT 'search_path=pg_catalog, pg_temp' = ANY(proconfig))
"""
_TABLES = """
    SELECT c.relname, min(a.attname), c.relkind = 'r' FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = 1
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'v', 'm', 'p', 'f') GROUP BY 1, 3 ORDER BY 1
"""
"""Name and a column of all that can be read, and whether it can be written."""
_OPEN_TO_ALL = """
    SELECT has_database_privilege('public', current_database(), 'connect'),
        has_database_privilege('public', current_database(), 'temp'), has_schema_privilege('public', 'public', 'create')
"""
_DECLARED = {
    "select": "EXPLAIN SELECT FROM {0}",
    "insert": "EXPLAIN INSERT INTO {0} DEFAULT VALUES",
    "update": "EXPLAIN UPDATE {0} SET {1} = DEFAULT",
    "delete": "EXPLAIN DELETE FROM {0}",
}
FORBIDDEN = (
    "DROP TABLE {table}",
    "TRUNCATE {table}",
    "ALTER TABLE {table} ADD COLUMN more text",
    "ALTER TABLE {table} DISABLE TRIGGER ALL",
    "ALTER TABLE {table} OWNER TO {login}",
    "CREATE INDEX ON {table} ((1))",
    "CREATE TRIGGER mine BEFORE INSERT ON {table} EXECUTE FUNCTION suppress_redundant_updates_trigger()",
    "CREATE TABLE mine (id int)",
    "CREATE TEMP TABLE mine (id int)",
    "CREATE VIEW mine AS SELECT 1",
    "CREATE FUNCTION mine() RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "CREATE SCHEMA mine",
    "CREATE ROLE mine",
    "DROP EXTENSION plpgsql",
    "ALTER ROLE {login} SUPERUSER",
    "SET ROLE {owner}",
    "SET session_replication_role = replica",
    "COPY (SELECT 1) TO PROGRAM 'true'",
    "SELECT pg_read_file('/etc/passwd')",
)


@pytest.fixture(scope="module")
def databases(postgres: PostgresServer) -> FreshDatabases:
    """One for the module: no one changes anything."""
    return FreshDatabases(postgres)


@pytest.fixture
def administrator(databases: FreshDatabases, postgres: PostgresServer, name: str) -> Iterator[Connection]:
    """Reads one of the databases."""
    with closing(postgres.connect(database_of(databases[name]))) as connection:
        yield connection


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_each_login_holds_exactly_the_rights_of_the_table(administrator: Connection, name: str) -> None:
    assert _held_by(administrator) == _declared(name)
    found = {table for table, _column, _writable in administrator.execute(_TABLES)}
    found |= {function for (function,) in administrator.execute(_FUNCTIONS)}
    named = {what for what in RIGHTS[name] if not what.startswith("pg_")}
    assert named == found, f"tables and functions without an entry in the rights of {name}"


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_functions_with_their_owners_rights_find_no_other_table_and_are_open_to_no_one_else(
    administrator: Connection, name: str
) -> None:
    """No one else: the audit's login enters each database too, and PostgreSQL lets everyone execute a new function."""
    assert administrator.execute(_UNSAFE).fetchall() == []


def test_relay_of_registration_reads_no_one(databases: FreshDatabases, postgres: PostgresServer) -> None:
    """It publishes: no column of any other table is open to its login, in any way."""
    relay, database = "troika_registration_relay", databases["registration"]
    held = {table for table, who, _verb in _held(postgres, database) if who == relay}
    assert held == {"alembic_version", "outbox", "inbox", "quarantine", "highest_time"}
    with closing(postgres.connect(database_of(database), relay)) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT id FROM registration")
        assert connection.execute("SELECT id FROM outbox").fetchall() == []


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_each_verb_is_tried_by_each_login(
    databases: FreshDatabases, administrator: Connection, postgres: PostgresServer, name: str
) -> None:
    """``EXPLAIN`` asks for the rights of the statement and changes nothing."""
    tables = administrator.execute(_TABLES).fetchall()
    could = set()
    for login in LOGINS[name]:
        with closing(postgres.connect(database_of(databases[name]), login)) as connection:
            for (table, column, writable), verb in product(tables, TABLE_VERBS):
                if (writable or verb == "select") and _may(
                    connection, _DECLARED[verb].format(f'"{table}"', f'"{column}"')
                ):
                    could.add((table, login, verb))
    first = {table: column for table, column, _writable in tables}
    assert could == {
        (table, who, _verb(right))
        for table, who, right in as_set(RIGHTS[name])
        if table in first and _is_for_statement(right, first[table])
    }


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_no_login_makes_changes_or_takes_over_anything(
    databases: FreshDatabases, administrator: Connection, postgres: PostgresServer, name: str
) -> None:
    tables = [table for table, _column, writable in administrator.execute(_TABLES) if writable]
    owner = database_owner(postgres, databases[name])
    done = []
    for login in LOGINS[name]:
        with closing(postgres.connect(database_of(databases[name]), login)) as connection:
            for statement in FORBIDDEN:
                each = tables if "{table}" in statement else [""]
                done += [
                    (login, text)
                    for table in each
                    if _may(connection, text := statement.format(table=table, login=login, owner=owner))
                ]
    assert done == []
    powers = "rolsuper OR rolcreatedb OR rolcreaterole OR rolreplication OR rolbypassrls"
    members = "SELECT FROM pg_auth_members WHERE member = r.oid"
    found = f"SELECT rolname FROM pg_roles r WHERE rolname = ANY(%s) AND ({powers} OR EXISTS ({members}))"
    assert administrator.execute(found, [EVERYONE]).fetchall() == []
    given_on = "SELECT relname FROM pg_class, aclexplode(relacl) WHERE is_grantable AND grantee <> relowner"
    assert administrator.execute(given_on).fetchall() == []


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_advisory_locks_are_for_those_that_need_them_and_large_objects_for_no_one(
    databases: FreshDatabases, administrator: Connection, postgres: PostgresServer, name: str
) -> None:
    """PostgreSQL lets every login call these functions."""
    calls = administrator.execute(_CLOSED).fetchall()
    assert len(calls) > 30
    databases.audit_urls()
    done = set()
    for login in (*LOGINS[name], ROLE):
        with closing(postgres.connect(database_of(databases[name]), login)) as connection:
            done |= {(function, login, "execute") for function, call in calls if _may_call(connection, call)}
    functions = {function for function, _call in calls}
    assert done == {right for right in as_set(RIGHTS[name]) if right[0] in functions}
    public = {"forms", "own", "public"}
    assert {function for function, login, _verb in done if login.rpartition("_")[2] in public} <= {
        "pg_advisory_xact_lock(integer,integer)"
    }


def test_functions_stay_open_where_no_administrator_is_a_superuser(postgres: PostgresServer) -> None:
    """Of an installation from before, and of a managed server; the owner can change the schema before and after."""
    url = postgres.create_database("opened", owner="owner_opened")
    create_table(url)
    with closing(postgres.connect("opened", "owner_opened")) as owner:
        close_functions(owner, RIGHTS["bus"])
    assert rows(url, OPEN_FUNCTIONS) > [(30,)]
    with closing(postgres.connect("opened")) as administrator:
        close_functions(administrator, RIGHTS["bus"])
    assert rows(url, OPEN_FUNCTIONS) == [(0,)]
    create_table(url)


@pytest.mark.parametrize("name", sorted(RIGHTS))
def test_logins_of_others_do_not_enter(databases: FreshDatabases, postgres: PostgresServer, name: str) -> None:
    def entering(login: str) -> str:
        try:
            postgres.connect(database_of(databases[name]), login).close()
        except psycopg.OperationalError as error:
            return "refused" if "permission denied for database" in str(error) else str(error)
        return "enters"

    for login in EVERYONE:
        postgres.create_role(login)
    entered = {login: entering(login) for login in EVERYONE}
    assert entered == {login: "enters" if login in LOGINS[name] else "refused" for login in EVERYONE}


def test_rights_that_someone_gave_beside_the_table_are_taken_back(postgres: PostgresServer) -> None:
    url = FreshDatabases(postgres)["registration"]
    web, consume = "troika_registration_web", "troika_registration_consume"
    rows(url, f"GRANT ALL ON registration, sealed_reading TO {web}, {consume}")
    rows(url, f"REVOKE INSERT ON outbox FROM {web}")
    rows(url, f"CREATE TABLE of_somebody (id int); GRANT SELECT ON of_somebody TO {web}")
    with closing(postgres.connect(database_of(url), database_owner(postgres, url))) as owner:
        assert give(owner, RIGHTS["registration"]) == []
        assert _held_by(owner) == _declared("registration")


def test_rights_on_columns_replace_those_on_the_table(postgres: PostgresServer) -> None:
    """An embedded bus from before, whose consumers could rewrite a message."""
    url = FreshDatabases(postgres)["bus"]
    consumer = "troika_events_consume"
    rows(
        url,
        f"GRANT UPDATE, REFERENCES (body) ON bus_message TO {consumer}; GRANT SELECT (id) ON bus_message TO {consumer}",
    )
    updatable = f"""SELECT attname FROM pg_attribute WHERE attrelid = 'bus_message'::regclass AND attnum > 0
        AND has_column_privilege('{consumer}', 'bus_message', attname, 'update') ORDER BY 1"""
    assert len(rows(url, updatable)) > 2
    with closing(postgres.connect(database_of(url), database_owner(postgres, url))) as owner:
        give(owner, RIGHTS["bus"])
        give(owner, RIGHTS["bus"])
    assert rows(url, updatable) == [("claimed_by",), ("claims",)]
    assert _held(postgres, url) == _declared("bus")


@pytest.mark.parametrize("name", ["registration", "events", "notifications"])
def test_installation_from_before_gets_its_logins_at_the_next_migration(postgres: PostgresServer, name: str) -> None:
    """Its tables belong to the role that every process was; that role is the migrator, and still reads everything."""
    url = postgres.create_database(f"before_{name}", owner=f"owner_{name}")
    engine = open_engine(url, statement_timeout_ms=0)
    folder = PROJECT / "services" / name / "migrations"
    migrate(engine, folder, {})
    assert _held(postgres, url) == set()
    _open_to_all(postgres, url)
    for login in LOGINS[name]:
        postgres.create_role(login)
    unknown = {"outbox": {"troika_nobody_yet": "select"}}
    assert migrate(engine, folder, unknown).missing == ["troika_nobody_yet"]
    assert migrate(engine, folder, RIGHTS[name]).missing == []
    engine.dispose()
    assert _held(postgres, url) == _declared(name)
    assert rows(url, "SELECT count(*) FROM outbox") == [(0,)]
    assert rows(url, _OPEN_TO_ALL) == [(False, False, False)]
    for login in LOGINS[name]:
        postgres.connect(f"before_{name}", login).close()


def test_migrators_are_named_after_their_databases() -> None:
    assert [migrator(name) for name in RIGHTS] == [
        "troika_registration",
        "troika_events",
        "troika_notifications",
        "troika_keys",
        "troika_bus",
    ]


def database_owner(postgres: PostgresServer, url: str) -> str:
    """Whose a database is."""
    ((owner,),) = rows(url, "SELECT current_user::text")
    return str(owner)


def _held(postgres: PostgresServer, url: str) -> set[tuple[object, ...]]:
    with closing(postgres.connect(database_of(url))) as connection:
        return _held_by(connection)


def _held_by(connection: Connection) -> set[tuple[object, ...]]:
    """(table or function, login, verb) for everyone in the database of ``connection``."""
    return set(connection.execute(_HELD, [sorted(ALL_VERBS), EVERYONE, EVERYONE]).fetchall())


def _declared(name: str) -> set[tuple[object, ...]]:
    """The same, by the rights of a database; PostgreSQL's own functions are not its owner's to give."""
    return {(what, who, _verb(right)) for what, who, right in as_set(RIGHTS[name]) if not what.startswith("pg_")}


def _is_for_statement(right: str, column: str) -> bool:
    """Whether it lets the statement of ``_DECLARED`` through; for all but UPDATE any column will do."""
    verb, _, columns = right.rstrip(")").partition("(")
    return verb != "update" or not columns or column in columns.split(",")


def _verb(right: str) -> str:
    """``update`` of ``update(claimed_by,claims)``; rights on columns have a test in tests/contract/test_senders.py."""
    return right.partition("(")[0]


def _open_to_all(postgres: PostgresServer, url: str) -> None:
    """As servers of before leave databases, and dumps of theirs."""
    name = database_of(url)
    with closing(postgres.connect(name)) as administrator:
        administrator.execute(f"GRANT CONNECT, TEMP ON DATABASE {name} TO PUBLIC")
        administrator.execute("GRANT CREATE ON SCHEMA public TO PUBLIC")
        assert administrator.execute(_OPEN_TO_ALL).fetchall() == [(True, True, True)]


def _may(connection: Connection, statement: str) -> bool:
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(statement)
    except psycopg.errors.InsufficientPrivilege:
        return False
    return True


def _may_call(connection: Connection, call: str) -> bool:
    """Whether the function is open to the login; its arguments are invented, so it may fail."""
    try:
        return _may(connection, call)
    except psycopg.DatabaseError:
        return True
