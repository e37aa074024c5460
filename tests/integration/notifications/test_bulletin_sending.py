"""Bulletins: scheduled, cancelled, stopped and tested, the confirmations they need, and their outcome."""

import re
from datetime import timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text

from services.notifications.bulletins.dispatch import MAX_TESTS, send_due
from services.notifications.rules.service import announce_some
from services.notifications.sending.service import claim_due
from shared.db.readiness import CheckedClock
from shared.runtime.clock import rfc3339
from shared.runtime.ids import new_id
from tests.integration.notifications.bulletins import (
    TEXTS,
    bulletins,
    delivered,
    draft,
    order_for,
    person,
    preview,
    send,
)
from tests.integration.notifications.desk import ask, sign_in
from tests.integration.notifications.notification_service import EVENT, NotificationService
from tests.support.smtp_relay import Relay

PLACE = "/console/mail/bulletins"
HOLDER = text("""
    INSERT INTO access_holder (id, name, roles, key_hashes, revoked, revision, changed_at)
    VALUES (CAST(:id AS uuid), :name, '{coordinator}', '{}', false, 1, now())
""")
ORDERED = text("UPDATE bulletin SET ordered_by = :name WHERE id = CAST(:bulletin AS uuid)")


def post(client: FlaskClient, bulletin: str, act: str, content: Any = None) -> tuple[int, str]:
    """Status and code (or state) of an act on a bulletin."""
    answer = ask(client, "POST", f"/v1/bulletins/{bulletin}/{act}", content)
    return answer.status_code, answer.get_json().get("code") or answer.get_json().get("state", "")


def outcome(client: FlaskClient, bulletin: str) -> dict[str, int]:
    """People by outcome, without those that have none; the others add up to the audience."""
    found = ask(client, "GET", f"/v1/bulletins/{bulletin}/outcome").get_json()
    assert sum(found["counts"].values()) + found["gone"] == found["bulletin"]["audience"]
    return {name: n for name, n in {**found["counts"], "unsubscribed": found["unsubscribed"]}.items() if n}


def test_sending_to_everyone_or_the_same_again_is_confirmed_and_to_no_one_refused(
    notifications: NotificationService, client: FlaskClient
) -> None:
    assert post(client, draft(client), "send", order_for(preview(client, draft(client)))) == (409, "no-recipients")
    person(notifications, 1)
    for segment, warnings in (({}, ["everybody"]), ({}, ["everybody", "again"]), ({"event": EVENT}, [])):
        bulletin = draft(client, segment)
        shown = preview(client, bulletin)
        assert shown["warnings"] == warnings
        for confirmed in (warnings[:1], warnings[1:], []):
            if confirmed != warnings:
                order = order_for(shown) | {"confirmed": confirmed}
                assert post(client, bulletin, "send", order) == (409, "not-confirmed")
        assert send(client, bulletin) == 200
    other = {"en": {"subject": "Other words", "text": "Other"}}
    assert preview(client, draft(client, {"event": EVENT}, texts=other))["warnings"] == []


def test_preview_shows_who_is_left_out_and_who_reads_another_language(
    notifications: NotificationService, client: FlaskClient
) -> None:
    for number, language in enumerate(("ar", "pt", "en"), 1):
        person(notifications, number, language=language)
    person(notifications, 4, key="cancelled"), person(notifications, 5, key="waitlisted")
    ask(client, "POST", "/v1/suppressions", {"person_ref": f"{3:064x}"})
    shown = preview(client, draft(client))
    assert (shown["audience"], shown["left_out"]) == (2, {"suppressed": 1, "not_live": 2})
    assert shown["reads"] == {"ar": "ar", "pt": "en"}


def test_scheduled_bulletin_goes_at_its_time_to_those_who_fit_then(
    notifications: NotificationService, client: FlaskClient
) -> None:
    person(notifications, 1)
    bulletin = draft(client, {"event": EVENT})
    at = notifications.clock() + timedelta(hours=2)
    order = order_for(preview(client, bulletin))
    for wrong in (notifications.clock(), notifications.clock() + timedelta(days=400)):
        assert post(client, bulletin, "send", order | {"at": rfc3339(wrong)}) == (409 + 13, "time-not-usable")
    assert post(client, bulletin, "send", order | {"at": rfc3339(at)}) == (200, "scheduled")
    assert post(client, bulletin, "send", order) == (409, "scheduled")
    change = {"json": {"segment": {}}, "headers": {"If-Match": "*", "Authorization": "Bearer coordinator"}}
    path = f"/v1/bulletins/{bulletin}"
    assert [client.patch(path, **change).status_code, client.delete(path, **change).status_code] == [409, 409]
    person(notifications, 2)
    notifications.pass_time(hours=2, seconds=-1)
    notifications.schedule()
    assert bulletins(notifications) == []
    notifications.pass_time(seconds=1)
    notifications.schedule()
    assert [who for who, _ in bulletins(notifications)] == [f"{1:064x}", f"{2:064x}"]
    assert post(client, bulletin, "cancel") == (409, "already-sent")
    audit_log = ask(client, "GET", "/v1/service-audit/notifications").get_json()["items"]
    assert [(line["action"], line["who"]) for line in audit_log[:2]] == [
        ("bulletin-sent", audit_log[1]["who"]),
        ("bulletin-scheduled", audit_log[1]["who"]),
    ]


def test_scheduled_bulletin_of_someone_who_may_no_longer_send_is_a_draft_again(
    notifications: NotificationService, client: FlaskClient
) -> None:
    person(notifications, 1)
    ends = ("revoked = false", "revoked = true", "until = '2000-01-01Z'", "roles = '{viewer}'", "forms = '{one}'")
    scheduled = {end: draft(client, {"event": EVENT}) for end in ends}
    at = rfc3339(notifications.clock() + timedelta(hours=1))
    for end, bulletin in scheduled.items():
        assert post(client, bulletin, "send", order_for(preview(client, bulletin)) | {"at": at}) == (200, "scheduled")
        with notifications.work.transaction() as connection:
            connection.execute(HOLDER, {"id": new_id(), "name": end})
            connection.execute(ORDERED, {"name": end, "bulletin": bulletin})
            connection.exec_driver_sql(f"UPDATE access_holder SET {end} WHERE name = %(name)s", {"name": end})
    notifications.pass_time(hours=2)
    notifications.schedule()
    shown = {item["id"]: item for item in ask(client, "GET", "/v1/bulletins").get_json()["items"]}
    sent, *kept = (shown[bulletin] for bulletin in scheduled.values())
    assert (sent["state"], sent["not_sent"]) == ("sending", None)
    assert {(one["state"], one["not_sent"]) for one in kept} == {("draft", "access-ended")}


def test_cancelled_late_or_empty_bulletin_is_a_draft_again(
    notifications: NotificationService, client: FlaskClient
) -> None:
    gone = person(notifications, 1)
    cancelled, late, empty = (draft(client, {"event": EVENT}) for _ in range(3))
    for hours, bulletin in enumerate((cancelled, late, empty), 1):
        at = rfc3339(notifications.clock() + timedelta(hours=hours))
        assert post(client, bulletin, "send", order_for(preview(client, bulletin)) | {"at": at}) == (200, "scheduled")
    assert post(client, cancelled, "cancel") == (200, "draft")
    assert post(client, cancelled, "cancel") == (409, "not-scheduled")
    ask(client, "POST", "/v1/suppressions", {"person_ref": gone})
    notifications.pass_time(hours=26, seconds=30)
    notifications.schedule()
    shown = {item["id"]: item for item in ask(client, "GET", "/v1/bulletins").get_json()["items"]}
    assert [(shown[one]["state"], shown[one]["not_sent"]) for one in (cancelled, late, empty)] == [
        ("draft", None),
        ("draft", "late"),
        ("draft", "no-recipients"),
    ]
    assert bulletins(notifications) == []


def test_wrong_clock_sends_no_scheduled_bulletin(notifications: NotificationService, client: FlaskClient) -> None:
    """A process whose clock is an hour ahead of the database's leaves it for one whose clock is right."""
    person(notifications, 1)
    bulletin = draft(client, {"event": EVENT})
    at = notifications.clock() + timedelta(minutes=30)
    assert send(client, bulletin, at=rfc3339(at)) == 200
    work = notifications.work_of("schedule")
    for ahead, sent in ((timedelta(hours=1), False), (timedelta(), False), (timedelta(minutes=31), True)):
        now = notifications.clock() + ahead
        database = notifications.clock() if ahead == timedelta(hours=1) else now
        clock = CheckedClock(lambda now=now: now, work, "notifications", lambda _c, database=database: database)  # type: ignore[misc]
        assert send_due(work, clock) is sent


def test_stopped_bulletin_goes_no_further(notifications: NotificationService, client: FlaskClient) -> None:
    """Of 30 people ten have had it, ten wait for a sender, one of them claimed, and ten have no mail yet."""
    notifications.consume_event()
    for number in range(30):
        person(notifications, number)
    bulletin = draft(client, {"event": EVENT})
    assert post(client, bulletin, "stop") == (409, "not-sending")
    assert send(client, bulletin) == 200
    work = notifications.work_of("schedule")
    announce_some(work, notifications.clock, "example.org", 10)
    assert len([mail for mail in delivered_without_schedule(notifications) if "List-Unsubscribe" in mail]) == 10
    announce_some(work, notifications.clock, "example.org", 10)
    (claim,) = claim_due(notifications.work_of("send"), notifications.clock, 1)
    assert outcome(client, bulletin) == {"sent": 10, "waiting": 20}
    assert post(client, bulletin, "stop") == (200, "stopped")
    assert outcome(client, bulletin) == {"sent": 10, "cancelled": 20}
    assert post(client, bulletin, "stop") == (200, "stopped")
    assert delivered(notifications) == []
    assert claim.mail.id in {mail["id"] for mail in notifications.mails() if mail["state"] == "cancelled"}
    listed = ask(client, "GET", f"/v1/bulletins/{bulletin}/mails?outcome=cancelled&limit=7").get_json()
    rest = ask(client, "GET", f"/v1/bulletins/{bulletin}/mails?outcome=cancelled&cursor={listed['next']}").get_json()
    assert {mail["reason"] for mail in listed["items"] + rest["items"]} == {"the bulletin was stopped"}
    assert (len(listed["items"]), len(rest["items"])) == (7, 3)


def test_mail_of_a_stopped_bulletin_that_is_left_is_cancelled_by_its_sender(
    notifications: NotificationService, client: FlaskClient
) -> None:
    """The process that stopped it ended before it had cancelled all mails."""
    person(notifications, 1)
    bulletin = draft(client, {"event": EVENT})
    assert send(client, bulletin) == 200
    notifications.schedule()
    with notifications.work.transaction() as connection:
        connection.exec_driver_sql(f"UPDATE bulletin SET stopped_at = '{notifications.clock().isoformat()}'")
    assert delivered(notifications) == []
    assert bulletins(notifications) == [(f"{1:064x}", "cancelled")]


def test_outcome_counts_everyone_and_who_unsubscribed_through_it(
    notifications: NotificationService, client: FlaskClient
) -> None:
    notifications.consume_event()
    people = [person(notifications, number) for number in range(4)]
    bulletin = draft(client, {"event": EVENT})
    assert send(client, bulletin) == 200
    ask(client, "POST", "/v1/suppressions", {"person_ref": people[0]})
    (mail, *_) = [mail for mail in delivered(notifications) if "List-Unsubscribe" in mail]
    way_out = re.search(r"(/u/[\w-]+)>", str(mail["List-Unsubscribe"]))
    assert way_out is not None
    assert client.post(way_out[1]).status_code == 200
    assert notifications.carry_out() == 1
    assert outcome(client, bulletin) == {"sent": 3, "suppressed": 1, "unsubscribed": 1}
    path = f"/v1/bulletins/{bulletin}/mails"
    for chosen, count in (("", 4), ("sent", 3), ("suppressed", 1), ("unsubscribed", 1), ("failed", 0)):
        assert len(ask(client, "GET", f"{path}?outcome={chosen}").get_json()["items"]) == count
    sign_in(client)
    page = client.get(f"{PLACE}/{bulletin}").get_data(as_text=True)
    assert f'href="{PLACE}/{bulletin}/outcome?outcome=sent"' in page
    listed = client.get(f"{PLACE}/{bulletin}/outcome?outcome=unsubscribed").get_data(as_text=True)
    assert listed.count("/console/registrations/") == 1 + listed.count('href="/console/registrations/forms"')
    assert client.get(f"{PLACE}/{bulletin}/outcome?outcome=other").status_code == 400


def test_copy_for_the_writer_is_marked_and_leaves_no_address_behind(
    notifications: NotificationService, client: FlaskClient
) -> None:
    person(notifications, 1)
    notifications.consume_event()
    bulletin = draft(client, {"tag": "of-no-one"})
    own = {"address": "coordinator@example.org"}
    assert ask(client, "POST", f"/v1/bulletins/{bulletin}/test", own).get_json() == {"mails": 2}
    mails = [mail for mail in delivered(notifications) if mail["To"] == own["address"]]
    assert {str(mail["Subject"]) for mail in mails} == {
        f"[Test] {TEXTS['en']['subject']}",
        f"[\u062a\u062c\u0631\u0628\u0629] {TEXTS['ar']['subject']}",
    }
    assert all(str(mail["List-Unsubscribe"]).endswith("/u/of-each-person-alone>") for mail in mails)
    assert notifications.rows("SELECT FROM recipient WHERE about = 'bulletin-test'") == []
    assert post(client, bulletin, "test", {"address": "nobody"}) == (422, "invalid")
    statuses = [post(client, bulletin, "test", own)[0] for _ in range(MAX_TESTS)]
    assert statuses == [202] * (MAX_TESTS - 1) + [429]
    sign_in(client)
    assert 'value="coordinator@example.org"' in client.get(f"{PLACE}/{bulletin}").get_data(as_text=True)
    refused = client.post(f"{PLACE}/{bulletin}/test", data=own)
    assert "in an hour" in refused.get_data(as_text=True)
    notifications.pass_time(hours=1)
    assert client.post(f"{PLACE}/{bulletin}/test", data=own).location == f"{PLACE}/{bulletin}?tested=2"
    (row,) = notifications.rows("SELECT closed FROM bulletin_tester")
    assert b"coordinator@" not in row["closed"]


def test_list_is_filtered_sorted_and_counted(notifications: NotificationService, client: FlaskClient) -> None:
    person(notifications, 1)
    made = [draft(client, {"event": EVENT}, texts={"en": {"subject": s, "text": "x"}}) for s in ("One", "Two", "Tw")]
    assert send(client, made[1]) == 200

    def listed(query: str) -> tuple[list[int], int | None]:
        found = ask(client, "GET", f"/v1/bulletins?{query}").get_json()
        return [made.index(item["id"]) for item in found["items"]], found.get("total")

    assert listed("") == ([2, 1, 0], None)
    assert listed("sort=created_at&total=true&limit=2") == ([0, 1], 3)
    assert listed("q=tw&total=true") == ([2, 1], 2)
    assert [listed(f"state={state}")[0] for state in ("draft", "sending", "sent")] == [[2, 0], [1], []]
    first = ask(client, "GET", "/v1/bulletins?sort=created_at&limit=2").get_json()["next"]
    assert listed(f"sort=created_at&cursor={first}") == ([2], None)
    assert ask(client, "GET", "/v1/bulletins?state=gone").status_code == 422


def test_other_lists_lead_to_a_form_with_their_segment(notifications: NotificationService, client: FlaskClient) -> None:
    """By a link with filters, or by a form with registrations that were marked or found by filters of no segment."""
    sign_in(client)
    page = client.get(f"{PLACE}/new?working_group=air&working_group=water&representative=no").get_data(as_text=True)
    for part, value in (("working_group", "air"), ("working_group", "water")):
        assert not notifications.rows(f"SELECT FROM recipient WHERE {part} = '{value}'")
    assert '<option value="no" selected>' in page
    refused = [client.get(f"{PLACE}/new?{query}").status_code for query in ("town=geneva", "country=Geneva")]
    assert refused == [422, 400]
    marked = [new_id(), new_id()]
    form = {"marked": [f"{marked[0]}:3", f"{marked[1]}:1"], "act": "write", "back": "/console/registrations"}
    assert "the 2 registrations" in client.post(f"{PLACE}/new", data=form).get_data(as_text=True)
    many = client.post(f"{PLACE}/new", data={"registration": " ".join(marked)}).get_data(as_text=True)
    assert f'value="{" ".join(sorted(marked))}"' in many or f'value="{" ".join(marked)}"' in many
    written = {"subject-en": "A", "text-en": "B", "registration": " ".join(marked)}
    drafted = client.post(PLACE, data=written)
    assert drafted.status_code == 303
    shown = ask(client, "GET", "/v1/bulletins").get_json()["items"][0]
    assert shown["segment"] == {"registration": sorted(marked)}
    assert client.post(f"{PLACE}/new", data={"registration": "none"}).status_code == 400


def test_console_sends_later_and_cancels(notifications: NotificationService, client: FlaskClient) -> None:
    person(notifications, 1)
    bulletin = draft(client, {"event": EVENT})
    order = order_for(preview(client, bulletin))
    sign_in(client)
    later = {**order, "when": "later", "zone": "Europe/Zurich"}
    year = notifications.clock().year
    for at in ("", f"{year + 9}-01-01T10:00", f"{year}-10-25T02:30"):
        assert client.post(f"{PLACE}/{bulletin}/send", data={**later, "at": at}).status_code == 409
    local = notifications.clock() + timedelta(days=1)
    assert client.post(f"{PLACE}/{bulletin}/send", data={**later, "at": f"{local:%Y-%m-%dT%H:%M}"}).status_code == 303
    page = client.get(f"{PLACE}/{bulletin}").get_data(as_text=True)
    assert "Europe/Zurich" in page
    assert client.post(f"{PLACE}/{bulletin}/cancel").status_code == 303
    assert "nothing has been sent" in client.get(f"{PLACE}/{bulletin}").get_data(as_text=True)


def delivered_without_schedule(notifications: NotificationService) -> list[Any]:
    """The mails that go now, without any that the scheduler would make."""
    from email import message_from_bytes

    from shared.runtime.runner import Stop

    with Relay({}) as relay:
        while notifications.sender(relay.port).run_once(Stop()):
            pass
        return [message_from_bytes(mail) for mail in relay.mails]
