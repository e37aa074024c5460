"""Each process may do in its database what its code does there, and nothing else.

What the code does is read from the source (``database_statements``); what a process may do is in the service's
``rights.py``. The server's enforcement is tested by tests/integration/test_database_rights.py.
"""

import re
from collections.abc import Mapping

import pytest
from alembic.script import ScriptDirectory

from deploy.local.secrets import OWNERS
from deploy.servers.logins import LOGINS
from deploy.shape import PROCESSES, SERVICES, WORKERS
from services.events import rights as events
from services.notifications import rights as notifications
from services.registration import rights as registration
from shared.db.roles import Rights, as_set, login
from tests.architecture.database_statements import Place, commands, issued, value_of
from tests.architecture.sources import python_files
from tests.support.migrations import sql_of
from tests.support.processes import PROJECT

RIGHTS: dict[str, Rights] = {
    "registration": registration.RIGHTS,
    "events": events.RIGHTS,
    "notifications": notifications.RIGHTS,
}
UNITED: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "registration": registration.UNITED,
    "events": events.UNITED,
    "notifications": notifications.UNITED,
}
OPERATORS = ("shared.cli.recovery",)
"""Modules whose commands every service has."""
WORKER = ("shared.cli.commands", "run_workers")

TWO_NUMBERS = {("pg_advisory_xact_lock", "shared.security.keys._LOCK")}
"""Statements with locks of two numbers; all others have one."""
EARLIER = {"registration": {("pg_try_advisory_xact_lock(bigint)", "decide")}}
"""What only the code of 0.1.0 does, which runs during an upgrade and after a rollback."""

APPEND_ONLY = {
    "registration": {"form_change"},
    "events": {"event_note", "event_change", "schedule_version", "version_placement"},
    "notifications": set[str](),
}
"""Records of what was done: a login that adds to them can neither change nor remove any. Erasure removes the person
from those of single registrations and proposals, so they are not among them."""

KEPT_FOR_YEARS = {
    "registration": ("tend", {"sealed_reading", "promotion", "audit_record"}),
    "events": ("relay", {"audit_record"}),
    "notifications": ("relay", {"audit_record"}),
}
"""The audit log, and the one process that deletes what is three years old; the database refuses it anything younger, as
tests/integration/rights/test_audit_records.py shows."""


def roots_of(service: str) -> dict[str, list[Place]]:
    """Where each process's code begins."""
    wiring, main = f"services.{service}.wiring", f"services.{service}.__main__"
    own = [role for owner, role in WORKERS if owner == service and role not in ("relay", "consume")]
    tools = {(main, name) for name in commands(main) if name not in own}
    tools |= {(module, name) for module in OPERATORS for name in commands(module)}
    tools |= {("shared.cli.keys", name) for name in ("list_checks", "accept")}
    for path in python_files(f"services/{service}"):
        module = ".".join(path.with_suffix("").parts)
        tools |= {(module, name) for name in commands(module) if module != main}
    keys = value_of(wiring, "describe", "keys")
    return {
        "web": [(f"services.{service}.web", "application")],
        "relay": [
            WORKER,
            ("shared.messaging.relay", "Relay"),
            *value_of(wiring, "describe", "rules"),
        ],
        "consume": [
            WORKER,
            ("shared.cli.workers", "make_queue_consumer"),
            *value_of(wiring, "describe", "effects"),
            *value_of(wiring, "describe", "chores"),
            *(keys if (service, "consume") in OWNERS else ()),
        ],
        **{role: [WORKER, (main, role), *(keys if (service, role) in OWNERS else ())] for role in own},
        "operator": sorted(tools),
    }


def tables_of(service: str) -> set[str]:
    """Every table and view that a migration makes."""
    return {*_made(service, r"CREATE (?:TABLE|VIEW) (\w+)"), "alembic_version"}


def functions_of(service: str) -> set[str]:
    """Every function by which a migration lets processes read what their login may not read."""
    return _made(service, r"CREATE FUNCTION (\w+)\((?![^$]*\bRETURNS trigger\b)[^$]*?\bSECURITY DEFINER\b")


def _made(service: str, pattern: str) -> set[str]:
    folder = PROJECT / "services" / service / "migrations"
    scripts = ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])
    return set(re.findall(pattern, "".join(map(sql_of, scripts.walk_revisions()))))


def given_to(service: str) -> set[tuple[str, str, str]]:
    """(table or function, process, verb), for any columns that the verb is limited to."""
    return {
        (table.partition("(")[0], process, verb.partition("(")[0])
        for table, process, verb in as_set(RIGHTS[service])
        if not table.startswith("pg_")
    }


@pytest.mark.parametrize("service", SERVICES)
def test_every_table_has_an_entry(service: str) -> None:
    named = {table.partition("(")[0] for table in RIGHTS[service] if not table.startswith("pg_")}
    missing = tables_of(service) - named
    assert not missing, (
        f"State in services/{service}/rights.py what each process may do with {', '.join(sorted(missing))}: "
        'one line a table, like "outbox": {"web": "insert", "relay": "select update delete"}.'
    )
    assert named == tables_of(service) | functions_of(service)


@pytest.mark.parametrize("service", SERVICES)
def test_each_process_has_the_rights_that_its_code_needs_and_no_more(service: str) -> None:
    """The parts of a process that unites others are distinguished by
    tests/integration/registration/test_web_processes.py,
    which runs each with its own login: one function builds the routes of all."""
    tables, functions = tables_of(service), functions_of(service)
    processes = roots_of(service)
    places = {
        (table, process, verb): sorted(where)
        for process, roots in processes.items()
        for table, verbs in issued(roots, tables | functions, [(f"services.{service}.wiring", "describe")]).items()
        for verb, where in verbs.items()
        if (table in functions) == (verb == "execute")
    }
    given, needed = {one for one in given_to(service) if one[1] in processes}, set(places)
    missing = [f"{entry[1]} needs {entry[2]!r} on {entry[0]!r}: {', '.join(places[entry])}" for entry in needed - given]
    too_much = [f"{process} never issues {verb!r} on {table!r}" for table, process, verb in given - needed]
    assert not missing + too_much, f"services/{service}/rights.py:\n" + "\n".join(sorted(missing + too_much))


@pytest.mark.parametrize("service", SERVICES)
def test_each_process_may_take_the_locks_that_its_code_takes_and_no_others(service: str) -> None:
    processes = roots_of(service)
    given = {
        (name, process)
        for name, process, _verb in as_set(RIGHTS[service])
        if name.startswith("pg_") and process in processes
    }
    functions = {name.partition("(")[0] for name, _process in given}
    needed = {
        (f"{name}({'integer,integer' if (name, where) in TWO_NUMBERS else 'bigint'})", process)
        for process, roots in processes.items()
        for name, verbs in issued(roots, functions, [(f"services.{service}.wiring", "describe")]).items()
        for where in verbs["execute"]
    }
    assert given == needed | EARLIER.get(service, set())


@pytest.mark.parametrize("service", SERVICES)
def test_process_that_unites_others_has_their_rights_and_no_more(service: str) -> None:
    for process, parts in UNITED[service].items():
        given = as_set(RIGHTS[service])
        of_parts = {(table, verb) for table, part, verb in given if part in parts}
        assert {(table, verb) for table, who, verb in given if who == process} == of_parts


def test_public_processes_change_nothing_but_the_queue() -> None:
    changed = {
        (table, verb)
        for table, process, verb in given_to("registration")
        if process in ("forms", "own") and verb not in ("select", "execute")
    }
    assert changed == {("submission", "insert"), ("key_check", "insert")}


@pytest.mark.parametrize("service", sorted(APPEND_ONLY))
def test_records_are_only_ever_added_to(service: str) -> None:
    cleaner, logs = KEPT_FOR_YEARS[service]
    given = {(table, who, verb) for table, who, verb in as_set(RIGHTS[service]) if table in APPEND_ONLY[service] | logs}
    more = {one for one in given if one[2] not in ("select", "insert")}
    assert more == {(table, who, "delete") for table in logs for who in (cleaner, "work")}


def test_every_process_of_the_installation_has_a_login() -> None:
    """An operator's login only where there is a command that needs one."""
    wanted = {login(*process) for process in PROCESSES} | {login(service, "operator") for service in SERVICES}
    wanted |= {login(service, process) for service in SERVICES for process in UNITED[service]}
    wanted |= {login("registration", process) for process in registration.UNITED["web"]}  # of one in parts
    found = {name for database in SERVICES for name in LOGINS[database]}
    assert wanted - found == {login(service, "operator") for service in SERVICES if not roots_of(service)["operator"]}
    assert found <= wanted


def test_statement_without_a_right_is_reported() -> None:
    with pytest.raises(ValueError, match="no one is given truncate"):
        as_set({"form": {"web": "select truncate"}})
