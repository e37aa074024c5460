"""Counts over all forms are stored beside the registrations, and always equal a recount of the rows."""

from collections import Counter
from itertools import combinations
from typing import Any
from urllib.parse import urlencode

from flask.testing import FlaskClient

from services.registration.people.counting import cube_for
from tests.integration.registration.test_counting import Headers, ask, installation, made
from tests.support.clients import rows
from tests.support.registration_service import RegistrationService

__all__ = ["installation", "made"]
COLUMNS = {
    "form": "form",
    "event": "event_id",
    "status": "status",
    "working_group": "working_group",
    "partner": "partner",
    "country": "country",
    "language": "language",
    "representative": "representative",
    "organisation": "o.name",
    "day": "(accepted_at AT TIME ZONE 'UTC')::date::text",
}
FILTERS: tuple[dict[str, str], ...] = (
    {},
    {"status": "confirmed"},
    {"country": "CH", "representative": "false"},
    {"since": "2020-01-01"},
)
_ROWS = f"""
    SELECT {", ".join(COLUMNS.values())} FROM registration LEFT JOIN organisation o ON o.id = organisation_id
    WHERE erased_at IS NULL
"""


def test_kept_counts_are_those_of_the_registrations(
    client: FlaskClient, service: RegistrationService, coordinator: Headers
) -> None:
    """After each kind of change, before and after ``tend`` has added the changes up."""
    url = service.url

    def agree() -> None:
        found = [dict(zip(COLUMNS, row, strict=True)) for row in rows(url, _ROWS)]
        for names in [*((name,) for name in COLUMNS), *combinations(COLUMNS, 2)]:
            for filters in FILTERS if cube_for(names, {}) else ():
                groups = ask(client, coordinator, group_by=",".join(names), total=True, **filters)
                wanted = Counter(tuple(one[name] for name in names) for one in found if _fits(one, filters))
                kept = {tuple(group["by"].values()): group["registrations"] for group in groups["groups"]}
                assert (kept, groups["total"]) == (dict(wanted), wanted.total()), (names, filters)

    for change in (
        "SELECT",
        "UPDATE registration SET country = NULL, working_group = 'a-group' WHERE country = 'MX'",
        "UPDATE registration SET status = 'cancelled', cancelled_at = now() WHERE name = 'Zoë'",
        "UPDATE registration SET organisation_id = NULL, representative = true WHERE name = 'Zoë'",
        "DELETE FROM registration WHERE name = 'ádám'",
    ):
        rows(url, change)
        agree()
        service.tend()
        assert rows(url, "SELECT count(*) FROM registration_count_change") == [(0,)]
        agree()


def test_erased_person_leaves_no_count(client: FlaskClient, service: RegistrationService, coordinator: Headers) -> None:
    service.tend()
    token = service.managing_token("p1@example.org")
    assert service.own(token, "erase").status_code in (200, 303)
    service.decide()
    service.tend()
    assert {group["by"]["form"]: group["registrations"] for group in _groups(client, coordinator)} == {
        "housing-workshop": 3,
        "upr-webinar-10": 1,
    }
    assert rows(service.url, "SELECT count(*) FROM registration_count WHERE registrations <= 0") == [(0,)]
    assert rows(service.url, "SELECT count(*) FROM registration_count WHERE country = 'CH'") == [(1,)]


def _groups(client: FlaskClient, headers: Headers) -> Any:
    answer = client.get(f"/v1/registrations?{urlencode({'group_by': 'form'})}", headers=headers)
    return answer.get_json()["groups"]


def _fits(one: dict[str, Any], filters: dict[str, str]) -> bool:
    if "since" in filters:
        return bool(one["day"] >= filters["since"])
    return all(str(one[name]).lower() == value.lower() for name, value in filters.items())
