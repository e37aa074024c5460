"""Coordinators change forms: the effect first, nobody overwritten, every change written down with who made it."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from services.registration.domain.form_settings import FormSettings
from services.registration.usecases.change_form import FormChange, change_form
from shared.core.clock import system_clock
from shared.core.errors import DomainError
from shared.store.engine import open_engine
from shared.store.unit_of_work import UnitOfWork
from tests.integration.registration.test_places import capacity, change, register, states, token_of
from tests.integration.registration.test_sealed import with_roles
from tests.support.clients import REGISTRATIONS, WEBINAR, answers, rows
from tests.support.installation import TestInstallation

Headers = dict[str, Any]
PAGE = f"/console/registrations/forms/{WEBINAR}"
SETTINGS = {"capacity": "100", "opens": "", "closes": "", "switch": "on", "seen": "1"}


@pytest.fixture
def full(client: FlaskClient, installation: TestInstallation) -> FlaskClient:
    """One seat, taken, and three people who wait."""
    capacity(installation, 1)
    register(client, 1, 2, 3, 4)
    return client


def try_it(client: FlaskClient, headers: Headers, **wanted: Any) -> Any:
    """What a change would do."""
    answer = client.patch(f"/v1/forms/{WEBINAR}?dry_run=true", json=wanted, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.get_json()


def history(client: FlaskClient, headers: Headers) -> list[tuple[Any, ...]]:
    """(who, before, after, promoted) of each change, newest first."""
    items = client.get(f"/v1/forms/{WEBINAR}/history", headers=headers).get_json()["items"]
    return [(item["changed_by"], item["before"], item["after"], item["promoted"]) for item in items]


def test_trying_changes_nothing(full: FlaskClient, installation: TestInstallation, coordinator: Headers) -> None:
    before = states(installation)
    tried = try_it(full, coordinator, capacity=3)
    assert tried["effect"] == {
        "promoted": 2,
        "still_waiting": 1,
        "withheld": "no-free-seat",
        "closed_reason": "",
    }
    assert (tried["capacity"], tried["revision"]) == (1, 1)
    assert (states(installation), history(full, coordinator)) == (before, [])


@pytest.mark.parametrize("seats", [0, 1, 2, 3, 9, None])
def test_what_was_shown_is_what_happens(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers, seats: int | None
) -> None:
    effect = try_it(full, coordinator, capacity=seats)["effect"]
    changed = change(full, coordinator, 1, capacity=seats).get_json()
    promoted = sum(status == "confirmed" for status, _ in states(installation).values()) - 1
    assert (effect["promoted"], effect["still_waiting"]) == (promoted, changed["waiting"])


def test_change_is_written_down_with_who_made_it(full: FlaskClient, coordinator: Headers) -> None:
    change(full, coordinator, 1, capacity=2)
    change(full, coordinator, 2, open=False)
    assert history(full, coordinator) == [
        ("a coordinator", {"open": True}, {"open": False}, 0),
        ("a coordinator", {"capacity": 1}, {"capacity": 2}, 1),
    ]


def test_change_to_what_it_is_changes_nothing(full: FlaskClient, coordinator: Headers) -> None:
    answer = change(full, coordinator, 1, capacity=1, open=True)
    assert (answer.get_json()["revision"], history(full, coordinator)) == (1, [])


@pytest.mark.parametrize("attack", ["UPDATE form_change SET changed_by = 'nobody'", "DELETE FROM form_change"])
def test_history_is_only_ever_added_to(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers, attack: str
) -> None:
    change(full, coordinator, 1, capacity=2)
    with pytest.raises(psycopg.errors.RaiseException, match="only ever added"):
        rows(installation.urls["registration"], attack)


def test_hours_open_and_close_a_form(client: FlaskClient, coordinator: Headers) -> None:
    """For the intake, the page and the interface alike; under the lock they are read anew."""
    now = datetime.now(UTC)
    soon, before = (now + timedelta(hours=1)).isoformat(), (now - timedelta(hours=1)).isoformat()
    for revision, hours, reason in (
        (1, {"opens_at": soon}, "not-open"),
        (2, {"opens_at": before, "closes_at": before.replace("+00:00", "+01:00")}, None),
        (2, {"opens_at": None, "closes_at": before}, "closed"),
        (3, {"opens_at": before, "closes_at": soon}, ""),
    ):
        answer = change(client, coordinator, revision, **hours)
        if reason is None:
            assert (answer.status_code, answer.get_json()["code"]) == (422, "closing-before-opening")
            continue
        assert answer.get_json()["closed_reason"] == reason
        given = client.post(REGISTRATIONS, json=answers(revision))
        assert (given.status_code, given.get_json().get("detail", "")) == (409 if reason else 201, reason)
        assert client.get(f"/v1/forms/{WEBINAR}").get_json()["open"] == (reason == "")
        assert ('id="form"' in client.get(f"/embed/{WEBINAR}?lang=en").text) == (reason == "")


@pytest.mark.parametrize(
    "wanted",
    [{"opens_at": "2020-03-04T12:00"}, {"opens_at": 1}, {"seats": 1}, {"open": "no"}, {"open": 0}, {"open": None}],
)
def test_change_that_cannot_be_read_is_refused(client: FlaskClient, coordinator: Headers, wanted: Any) -> None:
    assert change(client, coordinator, 1, **wanted).status_code == 422


@pytest.mark.parametrize("slug", ["no-such-form", "%00", "Upper"])
def test_unknown_form_cannot_be_changed(client: FlaskClient, coordinator: Headers, slug: str) -> None:
    headers = {**coordinator, "If-Match": '"1"'}
    assert client.patch(f"/v1/forms/{slug}", json={"open": False}, headers=headers).status_code == 404
    assert client.get(f"/v1/forms/{slug}/history", headers=coordinator).status_code == 404
    assert client.get(f"/console/registrations/forms/{slug}", headers=coordinator).status_code == 404


def sent(client: FlaskClient, headers: Headers, **others: str) -> Any:
    """The form of the console's page, sent."""
    return client.post(PAGE, data={**SETTINGS, **others}, headers=headers)


def test_console_lists_forms_with_their_seats(full: FlaskClient, coordinator: Headers) -> None:
    page = full.get("/console/registrations/forms", headers=coordinator)
    cells = re.findall(r'class="number">([^<]*)</td>', page.text)
    assert (page.status_code, cells) == (200, ["1", "1", "0", "3"])
    assert (">Open<" in page.text, "New people wait" in page.text) == (True, True)


def test_console_shows_the_effect_before_it_changes(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Raising by two will confirm the first two; only the second button does it, and it names the revision seen."""
    shown = sent(full, coordinator, capacity="3")
    assert shown.status_code == 200
    assert "The first 2 people of the waiting list are confirmed at once and told by mail." in shown.text
    assert states(installation)[2] == ("waitlisted", 1)
    fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', shown.text))
    done = full.post(PAGE, data={**fields, "go": "do"}, headers=coordinator)
    assert (done.status_code, done.headers["Location"]) == (303, f"{PAGE}?done=2")
    assert [status for status, _ in states(installation).values()] == ["confirmed"] * 3 + ["waitlisted"]
    after = full.get(done.headers["Location"], headers=coordinator).text
    assert "Seats: 1 → 3. 2 people of the waiting list got a seat by it." in after
    assert after.count("a coordinator</bdi>") == 1


def test_second_coordinator_is_told_what_the_first_has_done(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    change(full, coordinator, 1, capacity=2)
    for step in ({"capacity": "9"}, {"capacity": "9", "go": "do"}):
        late = sent(full, coordinator, **step)
        assert (late.status_code, "Seats: 1 → 2. 1 person of the waiting list got a seat by it." in late.text) == (
            412,
            True,
        )
        assert 'name="seen" value="2"' in late.text
    assert rows(installation.urls["registration"], "SELECT capacity FROM seat") == [(2,)]


@pytest.mark.parametrize(
    ("field", "value", "fault"),
    [
        ("capacity", "-1", "whole number"),
        ("capacity", "1000001", "whole number"),
        ("capacity", "١٢", "whole number"),
        ("opens", "yesterday", "day and a time"),
        ("opens", "2020-03-08T02:30", "Clocks change"),
        ("closes", "2020-11-01T01:30", "Clocks change"),
        ("closes", "9999-12-31T23:59", "day and a time"),
    ],
)
def test_console_names_what_cannot_be_read(
    client: FlaskClient, coordinator: Headers, field: str, value: str, fault: str
) -> None:
    """Hours are those of the event's zone, New York here."""
    page = sent(client, coordinator, **{field: value})
    assert (page.status_code, fault in page.text, f'value="{value}"' in page.text) == (422, True, True)
    assert f'aria-describedby="{field}-help {field}-fault" aria-invalid="true"' in page.text


def test_console_refuses_to_close_before_it_opens(client: FlaskClient, coordinator: Headers) -> None:
    page = sent(client, coordinator, opens="2031-03-04T12:00", closes="2031-03-04T12:00")
    assert (page.status_code, "must close later than it opens" in page.text) == (422, True)


def test_console_reads_hours_in_the_zone_of_the_event(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    assert sent(client, coordinator, opens="2031-01-04T12:00", go="do").status_code == 303
    opens_at = rows(installation.urls["registration"], "SELECT opens_at FROM form")[0][0]
    assert opens_at == datetime(2031, 1, 4, 17, tzinfo=UTC)
    assert 'value="2031-01-04T12:00"' in client.get(PAGE, headers=coordinator).text


def test_hours_that_were_not_touched_stay_to_the_second(client: FlaskClient, coordinator: Headers) -> None:
    """The page shows minutes; sending them back must not be a change."""
    change(client, coordinator, 1, closes_at="2031-01-04T12:00:31Z")
    shown = sent(client, coordinator, closes="2031-01-04T07:00", seen="2")
    assert "That is how it is already." in shown.text


def test_button_closes_and_opens_at_once(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Opening takes hours away that would keep it closed."""
    for button, word in (("Close it now", "The form closes at once"), ("Open it now", "The form opens at once")):
        page = client.get(PAGE, headers=coordinator).text
        form = page[page.index('class="doings"') : page.index(button)]
        fields = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))
        assert word in client.post(PAGE, data=fields, headers=coordinator).text
        assert client.post(PAGE, data={**fields, "go": "do"}, headers=coordinator).status_code == 303
        state = rows(installation.urls["registration"], "SELECT open, opens_at FROM form")
        assert state == [(button == "Open it now", None)]
        if button == "Close it now":
            change(client, coordinator, 2, opens_at="2031-01-04T12:00:00Z")


def test_console_form_comes_from_our_own_pages_alone(
    client: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """Signed in by cookie, a form that another site sends is refused."""
    key = installation.secrets.coordinator_key
    entered = client.post("/console/sign-in", data={"key": key}, headers={"Sec-Fetch-Site": "same-origin"})
    assert entered.status_code == 303
    data = {**SETTINGS, "switch": "off", "go": "do"}
    for site, status in (("cross-site", 403), ("same-site", 403), ("same-origin", 303)):
        answer = client.post(PAGE, data=data, headers={"Sec-Fetch-Site": site})
        assert (answer.status_code, site) == (status, site)
    assert client.post(PAGE, data=data, headers={"Origin": "https://other.example.org"}).status_code == 403


@pytest.mark.parametrize(("roles", "seen", "changed"), [(("viewer",), 200, 403), (("operator",), 403, 403)])
def test_viewer_sees_and_changes_nothing(
    client: FlaskClient,
    installation: TestInstallation,
    coordinator: Headers,
    roles: tuple[str, ...],
    seen: int,
    changed: int,
) -> None:
    with_roles(installation, *roles)
    page = client.get(PAGE, headers=coordinator)
    assert (page.status_code, "Show what it does" in page.text, "it now</button>" in page.text) == (seen, False, False)
    assert client.get("/console/registrations/forms", headers=coordinator).status_code == seen
    assert sent(client, coordinator, switch="off", go="do").status_code == changed
    assert change(client, coordinator, 1, open=False).status_code == changed


def test_lowering_takes_no_seat_and_says_so(full: FlaskClient, coordinator: Headers) -> None:
    change(full, coordinator, 1, capacity=3)
    page = sent(full, coordinator, capacity="1", seen="2").text
    assert "Nobody loses a seat. 2 more are taken or held than there are then" in page
    assert "1 person goes on waiting." in page


def test_effect_says_why_nobody_is_promoted(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    soon = datetime.now(UTC) + timedelta(minutes=30)
    rows(installation.urls["registration"], "UPDATE event_copy SET starts_at = %s", soon)
    page = sent(full, coordinator, capacity="9").text
    assert "It is too shortly before the start to tell anybody to come, so nobody of the waiting list" in page
    assert try_it(full, coordinator, capacity=9)["effect"]["withheld"] == "too-late"


def test_event_that_takes_place_again_gives_what_was_withheld(
    full: FlaskClient, installation: TestInstallation, coordinator: Headers
) -> None:
    """A seat freed while the event was postponed is given without waiting for the next one."""
    from tests.integration.registration.test_verification import keep_house

    url, now = installation.urls["registration"], datetime.now(UTC)
    rows(url, "UPDATE event_copy SET status = 'postponed', starts_at = NULL")
    full.post(f"/r/{token_of(installation, 1)}", data={"action": "cancel"})
    for _ in range(2):
        keep_house(installation, now)
    assert states(installation)[2] == ("waitlisted", 1)
    rows(url, "UPDATE event_copy SET status = 'confirmed', starts_at = %s", now + timedelta(days=5))
    keep_house(installation, now)
    assert [states(installation)[number][0] for number in (2, 3)] == ["confirmed", "waitlisted"]
    decisions = "SELECT cause, promoted, withheld FROM promotion ORDER BY id"
    assert rows(url, decisions) == [
        ("a seat was given back", 0, "not-taking-place"),
        ("a free seat could be given again", 1, "no-free-seat"),
    ]


def test_changes_at_the_same_moment_are_one(full: FlaskClient, installation: TestInstallation) -> None:
    """The revision is compared under the lock: of ten who have seen the same form one changes it."""
    engine = open_engine(installation.urls["registration"], pool_size=10)
    work = UnitOfWork(engine, "registration")

    def one(number: int) -> str:
        wanted = FormSettings(capacity=2 + number, open=True)
        try:
            return str(
                change_form(work, system_clock, FormChange(WEBINAR, 1, f"coordinator {number}", wanted)).revision
            )
        except DomainError as refusal:
            return refusal.code

    with ThreadPoolExecutor(10) as pool:
        given = sorted(pool.map(one, range(10)))
    engine.dispose()
    assert given == ["2", *["changed-meanwhile"] * 9]
    assert rows(installation.urls["registration"], "SELECT count(*) FROM form_change") == [(1,)]
