"""Checks of PostgreSQL."""

import json
from collections.abc import Sequence
from datetime import timedelta

import pytest

from deploy.operations.doctor.database import MIGRATIONS
from deploy.operations.doctor.grading import Grade, HostDatabase
from deploy.operations.doctor.probes import HttpAnswer, Row
from shared.db.readiness import newest_revision
from shared.runtime.errors import Unavailable
from tests.unit.deploy.doctor.fakes import EVENTS, NOW, OPERATOR, check, host, only, pages, probes, rows, url

ONE = host(databases=(EVENTS,))
NEWEST = newest_revision(MIGRATIONS["events"])
FAR = host(databases=(HostDatabase("events", "web", url("troika_events_web", "events", "db.example.org")),))
VERIFIED = url("troika_events_web", "events", "db.example.org", "?sslmode=verify-full")


def test_logins() -> None:
    both = host(databases=(EVENTS, OPERATOR))

    def query(asked: str, _statement: str) -> list[Row]:
        if "operator" in asked:
            raise Unavailable("password refused")
        return [(1,)]

    assert only("database-logins", both, probes(query=rows({"SELECT 1": [(1,)]}))) == (Grade.OK, "all 2 connect")
    assert only("database-logins", both, probes(query=rows({}))) == (
        Grade.FAILED,
        "none of 2 connects (connection refused)",
    )
    assert only("database-logins", both, probes(query=query)) == (
        Grade.FAILED,
        "not troika_registration_operator of 2 connects (password refused)",
    )


@pytest.mark.parametrize(("version", "grade"), [("160004", Grade.OK), ("150009", Grade.FAILED)])
def test_version(version: str, grade: Grade) -> None:
    found = only("database-version", ONE, probes(query=rows({"server_version_num": [(version,)]})))
    assert found == (grade, f"PostgreSQL {version[:2]}")


def test_limits() -> None:
    problem = "database: lock_timeout of x is 0, required is at most 2s: ALTER ROLE x SET lock_timeout = '2s'"
    assert only("database-limits", ONE, probes(limits=lambda _url: []))[0] == Grade.OK
    (result,) = check("database-limits", ONE, probes(limits=lambda _url: [problem]))
    assert (result.grade, result.found) == (Grade.FAILED, "not in force for 1 of 1 logins: troika_events_web")
    assert result.do.endswith("ALTER ROLE x SET lock_timeout = '2s'")


def test_limits_are_not_asked_of_logins_that_are_not_of_processes() -> None:
    """Else a host that sees the audit's login alone would report that all is well."""
    audit = HostDatabase("events", "audit", url("troika_audit", "events"))
    assert only("database-limits", host(databases=(audit,)), probes())[0] == Grade.NOT_ASKED


@pytest.mark.parametrize(("found", "grade"), [(0, Grade.OK), (34, Grade.WARNING)])
def test_functions(found: int, grade: Grade) -> None:
    assert only("database-functions", ONE, probes(query=rows({"pg_proc": [(found,)]})))[0] == grade


@pytest.mark.parametrize(
    ("found", "grade"),
    [([(NEWEST,)], Grade.OK), ([("9999",)], Grade.WARNING), ([("0000",)], Grade.FAILED), ([], Grade.FAILED)],
)
def test_schema(found: list[Row], grade: Grade) -> None:
    assert only("database-schema", ONE, probes(query=rows({"alembic_version": found})))[0] == grade


def test_schema_of_one_database_is_known_though_another_does_not_show_its() -> None:
    keys = HostDatabase("keys", "operator", url("troika_keys_operator", "keys"))

    def query(asked: str, _statement: str) -> list[Row]:
        if "keys" in asked:
            raise Unavailable("InsufficientPrivilege")
        return [(NEWEST,)]

    results = check("database-schema", host(databases=(EVENTS, keys)), probes(query=query))
    assert [(one.about, one.grade) for one in results] == [("events", Grade.OK), ("keys", Grade.NOT_ASKED)]


@pytest.mark.parametrize(("found", "grade"), [([], Grade.OK), ([(NOW,)], Grade.FAILED)])
def test_quarantine(found: list[Row], grade: Grade) -> None:
    assert only("database-quarantine", ONE, probes(query=rows({"FROM quarantine": found})))[0] == grade


@pytest.mark.parametrize(("fsync", "grade"), [("on", Grade.OK), ("off", Grade.FAILED)])
def test_durability(fsync: str, grade: Grade) -> None:
    settings = [("fsync", fsync), ("full_page_writes", "on"), ("synchronous_commit", "on")]
    assert only("database-durability", ONE, probes(query=rows({"pg_settings": settings})))[0] == grade


@pytest.mark.parametrize(
    ("named", "states", "grade"),
    [
        ("", [], Grade.OK),
        ("", [("async",)], Grade.WARNING),
        ("b", [(None,)], Grade.NOT_ASKED),
        ("b", [], Grade.FAILED),
        ("b", [("async",)], Grade.FAILED),
        ("b", [("sync",), ("async",)], Grade.OK),
        ("ANY 1 (b, c)", [("quorum",), ("quorum",)], Grade.OK),
    ],
)
def test_standby(named: str, states: list[Row], grade: Grade) -> None:
    answers = {"SHOW synchronous_standby_names": [(named,)], "pg_stat_replication": states}
    assert only("database-standby", ONE, probes(query=rows(answers)))[0] == grade


@pytest.mark.parametrize(
    ("most", "used", "grade"), [(300, 20, Grade.OK), (100, 20, Grade.WARNING), (300, 280, Grade.FAILED)]
)
def test_connections(most: int, used: int, grade: Grade) -> None:
    assert only("database-connections", ONE, probes(query=rows({"max_connections": [(most, 3, used)]})))[0] == grade


def test_connections_of_containers_are_those_that_compose_names() -> None:
    """The small size has fewer than one process of each kind."""
    answers = probes(query=rows({"max_connections": [(200, 3, 20)]}))
    small = host(databases=(EVENTS,), values={"TROIKA_DOCTOR_CONNECTIONS": "150"})
    assert [only("database-connections", each, answers)[0] for each in (ONE, small)] == [Grade.WARNING, Grade.OK]


def test_database_in_a_network_of_this_installation_needs_no_encryption() -> None:
    events = HostDatabase("events", "web", url("troika_events_web", "events", "postgres"))
    answers = probes(query=rows({"pg_stat_ssl": [(False, None)]}))
    elsewhere, private = (
        host(databases=(events,), values={"TROIKA_DOCTOR_PRIVATE_HOSTS": names}) for names in ("", "postgres,sink")
    )
    found = [only("database-tls", each, answers)[0] for each in (elsewhere, private)]
    assert found == [Grade.WARNING, Grade.OK]


@pytest.mark.parametrize(("age", "grade"), [(timedelta(hours=3), Grade.OK), (timedelta(days=2), Grade.WARNING)])
def test_dumps_of_the_last_day_take_the_place_of_an_archive(age: timedelta, grade: Grade) -> None:
    """As in Compose, whose script of dumps notes when it has succeeded."""
    dumped = HttpAnswer(200, {}, json.dumps({"data": {"result": [{"value": [0, str((NOW - age).timestamp())]}]}}))
    graded = host(databases=(EVENTS,), values={"TROIKA_DOCTOR_PROMETHEUS_URL": "http://prometheus:9090"})
    answers = probes(query=rows({"pg_stat_archiver": [("off", 0, None, None)]}), fetch=pages({"query": dumped}))
    assert only("database-archive", graded, answers)[0] == grade


def test_connections_are_counted_from_the_settings() -> None:
    more = host(databases=(EVENTS,), values={"TROIKA_WEB_WORKERS": "8"})
    answers = probes(query=rows({"max_connections": [(300, 3, 20)]}))
    assert [only("database-connections", each, answers)[0] for each in (ONE, more)] == [Grade.OK, Grade.WARNING]


@pytest.mark.parametrize(
    ("row", "grade"),
    [
        (("on", 0, False, 60), Grade.OK),
        (("on", 0, False, None), Grade.WARNING),
        (("off", 0, None, None), Grade.WARNING),
        (("on", 7, True, 4000), Grade.FAILED),
    ],
)
def test_archive(row: Row, grade: Grade) -> None:
    assert only("database-archive", ONE, probes(query=rows({"pg_stat_archiver": [row]})))[0] == grade


@pytest.mark.parametrize("name", ["database-standby", "database-connections", "database-archive"])
def test_server_of_the_keys_database_needs_no_standby_no_pools_and_no_archive(name: str) -> None:
    """An archive of its WAL would preserve destroyed keys."""
    keys = HostDatabase("keys", "operator", url("troika_keys_operator", "keys", "keys-postgres"))
    answers: dict[str, Sequence[Row]] = {
        "synchronous_standby_names": [("",)],
        "pg_stat_replication": [],
        "pg_stat_archiver": [("off", 0, None, None)],
        "max_connections": [(300, 3, 20)],
    }
    results = check(name, host(databases=(EVENTS, keys)), probes(query=rows(answers)))
    assert [one.about for one in results] == ["127.0.0.1:5432"]


def test_tls() -> None:
    encrypted = probes(query=rows({"pg_stat_ssl": [(True, "TLSv1.3")]}))
    verified = host(databases=(HostDatabase("events", "web", VERIFIED),))
    assert only("database-tls", ONE, probes()) == (Grade.OK, "on this machine")
    assert only("database-tls", verified, encrypted) == (Grade.OK, "TLSv1.3, verified")
    assert only("database-tls", FAR, encrypted) == (Grade.WARNING, "TLSv1.3, sslmode=prefer")
    assert only("database-tls", FAR, probes(query=rows({"pg_stat_ssl": [(False, None)]}))) == (
        Grade.WARNING,
        "not encrypted",
    )


@pytest.mark.parametrize(
    ("ahead_s", "grade"),
    [(0, Grade.OK), (1, Grade.WARNING), (-1, Grade.WARNING), (5, Grade.FAILED), (-3600, Grade.FAILED)],
)
def test_clock(ahead_s: float, grade: Grade) -> None:
    answers = {"clock_timestamp": [(NOW + timedelta(seconds=ahead_s),)]}
    assert only("clock-databases", ONE, probes(query=rows(answers)))[0] == grade


def test_operators_login_is_preferred() -> None:
    desk = HostDatabase("registration", "desk", url("troika_registration_desk", "registration"))
    assert host(databases=(desk, EVENTS, OPERATOR)).one_login_each() == [EVENTS, OPERATOR]


def test_database_that_does_not_answer_is_one_fault() -> None:
    grades = [
        check(f"database-{name}", ONE, probes(query=rows({})))[0].grade for name in ("logins", "schema", "version")
    ]
    assert grades == [Grade.FAILED, Grade.NOT_ASKED, Grade.NOT_ASKED]
