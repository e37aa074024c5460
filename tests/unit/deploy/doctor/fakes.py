"""A host, and servers with the answers of a test."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from deploy.operations.doctor.grading import CheckResult, Grade, GradedHost, HostBroker, HostDatabase
from deploy.operations.doctor.probes import HttpAnswer, Probes, Row
from deploy.operations.doctor.registry import CHECKS, run_checks
from shared.runtime.errors import Unavailable

NOW = datetime(2020, 3, 2, 12, 0, tzinfo=UTC)
SECRET = "a-secret-password"
AWAY = Unavailable("connection refused")


def url(login: str, service: str, host: str = "127.0.0.1", query: str = "") -> str:
    """The address of a database for a login."""
    return f"postgresql://{login}:{SECRET}@{host}:5432/{service}{query}"


EVENTS = HostDatabase("events", "web", url("troika_events_web", "events"))
OPERATOR = HostDatabase("registration", "operator", url("troika_registration_operator", "registration"))
BROKER = HostBroker("troika-events-relay", (f"amqp://troika-events-relay:{SECRET}@127.0.0.1/troika",))
TOPOLOGY = HostBroker("troika-topology", (f"amqp://troika-topology:{SECRET}@127.0.0.1/troika",))


def host(**values: Any) -> GradedHost:
    """A host with these attributes."""
    return GradedHost(where="a test", **values)


def named(**values: str) -> GradedHost:
    """A host with these shared settings."""
    return host(values=values)


def _unexpected(*_arguments: Any) -> NoReturn:
    raise AssertionError("this check does not ask that")


def probes(**given: Any) -> Probes:
    """Probes of which the named ones answer."""
    names = (
        *("query", "limits", "broker", "cluster", "may_declare", "missing", "certificate", "fetch", "resolve"),
        *("relay", "run", "space", "synchronised"),
    )
    every: dict[str, Any] = {**dict.fromkeys(names, _unexpected), "now": lambda: NOW, **given}
    return Probes(**every)


def rows(answers: Mapping[str, Sequence[Row]]) -> Callable[[str, str], list[Row]]:
    """A database that answers a statement by the words that are in it; without an answer it is down."""

    def query(_url: str, statement: str) -> list[Row]:
        for words, found in answers.items():
            if words in statement:
                return list(found)
        raise AWAY

    return query


def pages(answers: Mapping[str, HttpAnswer]) -> Callable[[str], HttpAnswer]:
    """Web servers that answer a URL by the words that are in it, first come first; other URLs cannot be reached."""

    def fetch(asked: str) -> HttpAnswer:
        for words, answer in answers.items():
            if words in asked:
                return answer
        raise Unavailable("ConnectionError")

    return fetch


def records(answers: Mapping[tuple[str, str], Sequence[str]]) -> Callable[[str, str], list[str]]:
    """A resolver with ``org.`` and these records by name and type."""

    def resolve(name: str, kind: str) -> list[str]:
        return ["a0.example."] if (name, kind) == ("org.", "NS") else list(answers.get((name, kind), ()))

    return resolve


def check(name: str, graded: GradedHost, asked: Probes) -> list[CheckResult]:
    """Results of one check."""
    (chosen,) = (one for one in CHECKS if one.name == name)
    return [result for _check, result in run_checks(graded, asked, [chosen])]


def only(name: str, graded: GradedHost, asked: Probes) -> tuple[Grade, str]:
    """Grade and finding of a check with one result; a warning or a fault must have a remedy."""
    (result,) = check(name, graded, asked)
    assert bool(result.do) or result.grade in (Grade.OK, Grade.NOT_ASKED)
    return result.grade, result.found
