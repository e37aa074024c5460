"""The overview: every number of the requirements, each read through an index."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.events.attendance.numbers import _MEMBERS, _MISSING, _REPRESENTATIVES
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.ids import new_id
from tests.contract.samples import sample_message
from tests.integration.events.builders import (
    NOON,
    WEBINAR,
    consume,
    mail_message,
    registered,
    registration_message,
    rows,
)
from tests.support.signed_in import enter

Headers = Callable[[str], dict[str, str]]
REVIEW = "upr-review"


def _traveller(number: int, **changes: Any) -> Any:
    values = {"form": "geneva", "form_kind": "delegation", "event_id": REVIEW, "attend": WEBINAR}
    return registered(number, **values | changes)


@pytest.fixture
def ask(client: FlaskClient, as_role: Headers) -> Callable[..., dict[str, Any]]:
    """The overview as a viewer gets it."""
    return lambda **query: client.get("/v1/overview", query_string=query, headers=as_role("viewer")).json or {}


@pytest.mark.parametrize("decided_first", [False, True])
def test_what_waits_for_approval_is_shown_to_those_who_may_give_it(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str], decided_first: bool
) -> None:
    """On both start pages; interested people and viewers see nothing, and a late message revives nothing."""
    later = {"expires_at": "2099-01-01T00:00:00Z"}
    asked = sample_message("approval.changed.v1", **later)
    others = sample_message("approval.changed.v1", approval_id=new_id(), **later)
    over = sample_message("approval.changed.v1", approval_id=new_id(), expires_at="2020-01-01T00:00:00Z")
    decided = sample_message("approval.changed.v1", **later, waiting=False)
    shown = "1 request waits for your approval</a>"

    def seen(role: str) -> list[bool]:
        enter(client, keys[role])
        return [shown in client.get(page).text for page in ("/console/overview", "/console?show=all")]

    consume(loaded, [decided, asked, over] if decided_first else [asked, over])
    assert (seen("coordinator"), seen("viewer")) == ([not decided_first] * 2, [False, False])
    consume(loaded, [others, decided])
    assert seen("coordinator") == [True, True]
    with loaded.transaction() as connection:
        connection.execute(text("UPDATE waiting_approval SET asked_by = 'a coordinator'"))
    assert seen("coordinator") == [False, False]


def test_partners_have_names_and_addresses_that_wait_are_shown_to_those_who_decide(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]
) -> None:
    """On both start pages; a state of a partner that comes late or twice changes nothing."""

    def partner(slug: str, revision: int, waiting: int, name: str) -> Any:
        more = {"revision": revision, "waiting_origins": waiting, "name": name}
        return sample_message("partner.changed.v1", slug=slug, **more)

    def seen(role: str, link: str) -> list[bool]:
        enter(client, keys[role])
        return [link in client.get(page).text for page in ("/console/overview", "/console?show=all")]

    consume(loaded, [partner("a-house", 3, 1, "A House of Rights"), *[partner("a-house", 2, 5, "An Old Name")] * 2])
    shown = 'partners/a-house#where">1 address of partners’ sites waits for your decision</a>'
    assert (seen("coordinator", shown), seen("viewer", "for your decision")) == ([True] * 2, [False] * 2)
    enter(client, keys["coordinator"])
    consume(loaded, [registration_message(registered(n, partner=p)) for n, p in ((1, "a-house"), (2, "unheard-of"))])
    page = client.get("/console/overview").text
    assert [name in page for name in (">A House of Rights</a>", ">unheard-of</a>", "An Old Name")] == [
        True,
        True,
        False,
    ]
    consume(loaded, [partner("example-partner", 1, 2, "Example Partner")])
    assert seen("coordinator", 'partners">3 addresses of partners’ sites wait for your decision</a>') == [True] * 2
    consume(
        loaded, [partner("example-partner", 2, 0, "Example Partner"), partner("a-house", 4, 0, "A House of Rights")]
    )
    assert seen("coordinator", "for your decision") == [False] * 2


def test_travellers_who_are_not_in_the_webinar_are_counted_as_people(
    loaded: UnitOfWork, ask: Callable[..., dict[str, Any]]
) -> None:
    person = _traveller(1).person_ref
    consume(
        loaded,
        [
            *(registration_message(_traveller(number)) for number in range(1, 7)),
            registration_message(registered(11, person_ref=person)),
            registration_message(registered(12, person_ref=_traveller(2).person_ref, status="waitlisted")),
            registration_message(registered(13, person_ref=_traveller(3).person_ref, status="cancelled")),
            registration_message(registered(14, person_ref=_traveller(4).person_ref, form_kind="interest")),
            registration_message(_traveller(15, person_ref=_traveller(5).person_ref, form="geneva-two")),
            registration_message(_traveller(6, revision=2, status="cancelled")),
        ],
    )
    assert ask()["travellers"] == {"people": 5, "not_in": [{"event": WEBINAR, "people": 3}]}
    at_the_review = ask(travellers_not_in="review-press-conference")["travellers"]
    assert at_the_review["not_in"] == [{"event": "review-press-conference", "people": 5}]


def test_a_form_that_asks_no_one_to_attend_misses_no_one(
    loaded: UnitOfWork, ask: Callable[..., dict[str, Any]]
) -> None:
    consume(loaded, [registration_message(_traveller(1, attend=None))])
    assert ask()["travellers"] == {"people": 1, "not_in": []}


def test_groups_and_members_without_a_mail_this_month(loaded: UnitOfWork, ask: Callable[..., dict[str, Any]]) -> None:
    member = {"form": "join", "form_kind": "working_group", "event_id": None, "working_group": "health"}
    consume(
        loaded,
        [
            *(registration_message(registered(number, **member)) for number in (1, 2, 3)),
            registration_message(registered(4, **{**member, "working_group": "housing"})),
            registration_message(registered(5, working_group="health", representative=True)),
            mail_message(91, 1, NOON),
            mail_message(92, 2, datetime(2020, 2, 29, 23, 59, tzinfo=UTC)),
            mail_message(93, 4, datetime(2020, 2, 29, 23, 59, tzinfo=UTC)),
        ],
    )
    groups = {group["id"]: group for group in ask()["working_groups"]}
    assert (groups["health"]["members"], groups["health"]["members_without_mail"]) == (3, 2)
    assert groups["health"]["representatives"] == {WEBINAR: 1}
    assert [group["mailed_this_month"] for group in (groups["health"], groups["housing"])] == [True, False]
    assert groups["education"]["last_mail_at"] is None


@pytest.mark.parametrize("mail_first", [True, False])
@pytest.mark.parametrize("kind", ["confirmation", "reminder-1-day", "event-rescheduled", "recording-available"])
def test_automatic_mail_does_not_count_as_mail_from_the_centre(
    loaded: UnitOfWork, ask: Callable[..., dict[str, Any]], kind: str, mail_first: bool
) -> None:
    member = {"form": "join", "form_kind": "working_group", "event_id": None, "working_group": "health"}
    messages = [registration_message(registered(1, **member)), mail_message(91, 1, NOON, kind)]
    consume(loaded, messages[::-1] if mail_first else messages)
    health = next(group for group in ask()["working_groups"] if group["id"] == "health")
    assert (health["members_without_mail"], health["last_mail_at"], health["mailed_this_month"]) == (1, None, False)
    consume(loaded, [mail_message(92, 1, NOON)])
    health = next(group for group in ask()["working_groups"] if group["id"] == "health")
    assert (health["members_without_mail"], health["mailed_this_month"]) == (0, True)


def test_consultations_and_events_of_the_scenario(loaded: UnitOfWork, ask: Callable[..., dict[str, Any]]) -> None:
    consume(loaded, [registration_message(registered(n, country="CH" if n == 1 else None)) for n in (1, 2)])
    found = ask()
    assert found["consultations"] == [
        {"host_kind": "embassy", "hosts": 9, "presentations": 16},
        {"host_kind": "permanent_mission", "hosts": 2, "presentations": 27},
    ]
    webinar = next(event for event in found["events"] if event["id"] == WEBINAR)
    assert (webinar["confirmed"], webinar["status"]) == (2, "confirmed")
    assert (found["by_partner"], found["by_country"]) == ({"example-partner": 2}, {"CH": 1})
    assert (found["by_form_kind"], found["by_day"]) == ({"webinar": 2}, {"2020-03-02": 2})


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_order_and_any_duplicates_give_the_same_overview(
    loaded: UnitOfWork, ask: Callable[..., dict[str, Any]], data: st.DataObject
) -> None:
    facts = [
        *(registration_message(_traveller(n, revision=r, status=s)) for n in (1, 2) for r, s in _LIVE_ROWS[n]),
        registration_message(registered(11, person_ref=_traveller(1).person_ref, country="US")),
        registration_message(
            registered(12, form_kind="working_group", event_id=None, working_group="health", country="CH")
        ),
        mail_message(91, 12, NOON),
    ]
    answers = []
    for _ in range(2):
        with loaded.transaction() as connection:
            connection.execute(text("TRUNCATE roster, event_count, tally, mail_contact, group_contact, person_contact"))
        doubled = facts + data.draw(st.lists(st.sampled_from(facts), max_size=4))
        with loaded.transaction() as connection:
            connection.execute(text("TRUNCATE inbox"))
        consume(loaded, data.draw(st.permutations(doubled)))
        answers.append(ask())
    assert answers[0] == answers[1]
    assert answers[0]["travellers"] == {"people": 2, "not_in": [{"event": WEBINAR, "people": 1}]}


_LIVE_ROWS: Mapping[int, list[tuple[int, str]]] = {
    1: [(1, "waitlisted"), (2, "confirmed")],
    2: [(1, "confirmed"), (2, "cancelled"), (3, "confirmed")],
}


@pytest.mark.parametrize(
    ("statement", "values", "index"),
    [
        (_MISSING, {"event": None, "internal": False}, "roster_live_person"),
        (_MEMBERS, {"since": NOON, "internal": False}, "roster_member"),
        (_REPRESENTATIVES, {"events": [WEBINAR]}, "roster_representative"),
    ],
)
def test_each_question_is_answered_from_an_index(
    work: UnitOfWork, statement: Any, values: dict[str, Any], index: str
) -> None:
    with work.transaction() as connection:
        connection.execute(text(_MANY))
        connection.execute(text("ANALYZE roster"))
        plan = "\n".join(row[0] for row in connection.execute(text(f"EXPLAIN {statement.text}"), values))
    assert index in plan
    assert "Seq Scan on roster" not in plan


_MANY = """
    INSERT INTO roster (registration_id, form, form_kind, event_id, status, revision, person_ref, working_group,
        representative, language, occurred_at, attend)
    SELECT gen_random_uuid(), 'f', CASE n % 100 WHEN 0 THEN 'delegation' WHEN 1 THEN 'working_group' ELSE 'webinar' END,
        CASE n % 100 WHEN 1 THEN NULL ELSE 'upr-webinar-10' END, 'confirmed', 1, sha256(n::text::bytea), 'health',
        n % 50 = 3, 'en', now(), 'upr-webinar-10'
    FROM generate_series(1, 20000) AS n
"""


def test_the_pages_show_the_numbers_with_links(
    loaded: UnitOfWork, client: FlaskClient, keys: Mapping[str, str]
) -> None:
    consume(loaded, [registration_message(_traveller(1, country="CH"))])
    enter(client, keys["viewer"])
    page = client.get("/console/overview").text
    assert f'<a href="/console/geneva?not_in={WEBINAR}">1 not registered for UPR Webinar Wednesday #10' in page
    assert "16 presentations to 9 embassies" in page
    assert "Wed 4 Mar 2020, 14:00 to 15:00" in page.replace("\N{NO-BREAK SPACE}", " ")
    assert "27 presentations to 2 permanent missions" in page
    assert "12 without contact this month" in page
    assert ("Switzerland" in page, "/console/registrations?" in page) == (True, False)
    geneva = client.get(f"/console/geneva?not_in={WEBINAR}").text
    assert (_traveller(1).person_ref[:10] in geneva, "TROIKA-2020" in geneva) == (False, True)
    groups = client.get("/console/groups?show=no-mail").text
    assert (groups.count('scope="row"'), "mail/bulletins/new" in groups + geneva) == (12, False)
    enter(client, keys["coordinator"])
    assert '<a href="/console/registrations?country=CH">Switzerland</a>' in client.get("/console/overview").text
    groups, geneva = (client.get(f"/console/{page}").text for page in ("groups", f"geneva?not_in={WEBINAR}"))
    assert groups.count('href="/console/mail/bulletins/new?working_group=') == 12
    assert f'href="/console/mail/bulletins/new?form_kind=delegation&amp;not_registered_for={WEBINAR}"' in geneva
    assert rows(loaded, "SELECT count(*)::int FROM roster") == [(1,)]
