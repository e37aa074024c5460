"""One person's data across the three services: every table is covered, and the export equals what is stored."""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from deploy.local.installation import SAMPLE
from deploy.operations.person_export import assemble
from services.events.settings import read_settings as read_events
from services.events.web import build_app as events_app
from services.notifications import consumers as notifications
from services.notifications.rules.registrations import NotificationsContext
from services.notifications.settings import read_settings as read_notifications
from services.notifications.web import build_app as notifications_app
from shared.db.engine import open_engine
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.contracts.registry import SERVICES, read
from shared.messaging.contracts.schemas import Message, decode
from shared.messaging.inbox import apply_batch
from shared.security.sealing import Vault, read_keys
from tests.integration.test_lifetimes import PERSONAL as PERSONAL_TABLES
from tests.integration.test_lifetimes import WITHOUT_END
from tests.support.clients import WEBINAR, answers, rows
from tests.support.installation import TestInstallation, make_installation
from tests.support.postgres import PostgresServer
from tests.support.proposals import FORM as PROPOSAL
from tests.support.proposals import proposal_answers, publish_to_events
from tests.support.registration_service import RegistrationService, open_a_minute_ago, open_registration
from tests.support.web import load_folder, load_webinar

ALL = {
    "content_difference": "ids of rows whose contents the audit finds changed",
    "content_count": "numbers of rows",
    "inbox": "ids of messages",
    "ended_session": "sessions of coordinators",
    "access_holder": "people who work with the system, by the name that the audit log shows",
    "audit_record": "exported as the view own_audit_log",
}
WITHOUT_PERSONAL_DATA = {
    "registration": WITHOUT_END["registration"]
    | ALL
    | {
        "public_form": "questions",
        "public_event": "events",
        "promotion": "numbers",
        "count_difference": "numbers",
        "lost_registration": "ids and statuses of registrations that a restored backup no longer holds",
        "submission": "encrypted to the decider until it is decided; afterwards hashes and outcomes, for eight days",
        "people_import": "numbers, and what the columns of files are",
        "import_file": "encrypted, for a day at most; imported people are registrations",
        "import_batch": "encrypted, for a day at most; imported people are registrations",
        "mail_count": "numbers by hash of a domain",
        "used_challenge": "ids of challenges, without personal data",
        "refused_sign_in": "hashes of client networks of failed sign-ins to the console, for 15 minutes",
        "used_passkey_challenge": "random numbers of sign-ins, for 20 minutes",
        "console_session": "sessions of people who work with the system, for 16 hours",
        "audit_log": "own records are exported as the view own_audit_log; the others by their services",
        "audit_entry": "what people with a key did; nothing about a participant",
        "invitation": "hashes of links by which colleagues choose how to sign in",
    },
    "events": WITHOUT_END["events"]
    | ALL
    | {
        "begun_session": "sessions of coordinators",
        "count_difference": "numbers",
        "public_event": "events",
        "public_resource": "recordings",
        "waiting_approval": "requests of coordinators",
    },
    "notifications": WITHOUT_END["notifications"]
    | ALL
    | {
        "begun_session": "sessions of coordinators",
        "outbox": "ids and kinds of mails, which the table mail has too; deleted once they are published",
        "bulletin_tester": "addresses of coordinators, who are no participants",
    },
}
"""Tables and views that hold nothing about a person, or nothing that can be exported, each with the reason."""

PERSONAL = (
    "person_ref", "mailbox_ref", "address_ref", "person_key", "email", "name", "registration_id", "recipient",
    "proposal_id", "contact", "closed", "sealed", "answers", "content", "speaker_names", "network", "token_hash",
    "token",
)  # fmt: skip
"""Names of columns that refer to a person, in any table."""
NOT_OF_A_PERSON = {
    ("registration", "form", "contact"),
    ("registration", "public_form", "contact"),
    ("registration", "form_draft", "content"),
    ("registration", "partner", "name"),
    ("events", "partner_copy", "name"),
    ("registration", "list_view", "name"),
    ("registration", "passkey", "name"),
    ("registration", "console_session", "name"),
    *((service, "access_holder", "name") for service in ("registration", "events", "notifications")),
    ("registration", "invitation", "token_hash"),
    ("registration", "refused_sign_in", "network"),
    ("events", "hotel_block", "name"),
    ("registration", "hotel_copy", "name"),
    ("events", "working_group", "contact"),
    ("events", "tally", "name"),
    ("registration", "key_check", "name"),
    ("events", "key_check", "name"),
    ("notifications", "key_check", "name"),
    ("notifications", "bulletin_tester", "closed"),
    ("notifications", "unsubscribe_request", "token"),
    ("notifications", "event_copy", "content"),
    ("notifications", "working_group_copy", "content"),
    ("notifications", "resource_copy", "content"),
    ("notifications", "form_copy", "content"),
    ("notifications", "partner_copy", "content"),
    ("registration", "submission", "network"),
    ("registration", "submission", "token_hash"),
}
"""Columns called like one of those that refer to no one; of the table ``submission`` see above."""

_COLUMNS = """
    SELECT table_name::text, column_name::text FROM information_schema.columns WHERE table_schema = 'public'
"""
PERSON = "participant-1@example.org"
REASON = "Request of 12 March, case 17"


@pytest.fixture(scope="module")
def columns(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> set[tuple[str, str, str]]:
    """(service, table, column) of everything there is."""
    urls = make_installation(postgres, Path(tmp_path_factory.mktemp("columns"))).urls
    return {(service, *row) for service in SERVICES for row in rows(urls[service], _COLUMNS)}


def test_every_table_is_exported_or_has_a_reason(columns: set[tuple[str, str, str]]) -> None:
    """A new table needs its line: in the service's TABLES, or here."""
    exported = {(service, table.name) for service, tables in PERSONAL_TABLES.items() for table in tables}
    excepted = {(service, table) for service, tables in WITHOUT_PERSONAL_DATA.items() for table in tables}
    assert exported & excepted == set()
    assert {(service, table) for service, table, _ in columns} == exported | excepted


def test_every_column_of_a_person_is_exported_or_has_a_reason(columns: set[tuple[str, str, str]]) -> None:
    exported = {
        (service, table.name, column)
        for service, tables in PERSONAL_TABLES.items()
        for table in tables
        for of, name, column in columns
        if (of, name) == (service, table.name)
    }
    personal = {one for one in columns if one[2] in PERSONAL}
    assert personal - exported == NOT_OF_A_PERSON
    left_out = {
        (s, t.name, column): why
        for s, tables in PERSONAL_TABLES.items()
        for t in tables
        for column, why in t.left_out.items()
    }
    assert set(left_out) - columns == set()
    assert [one for one, why in left_out.items() if len(why) < 20] == []


class Desk:
    """The three applications on one installation, and a coordinator's key."""

    def __init__(self, service: RegistrationService, apps: Mapping[str, Flask]) -> None:
        self.service, self.apps = service, apps
        self.key = service.installation.secrets.coordinator_key

    def post(self, service: str, body: Mapping[str, Any]) -> TestResponse:
        """Ask one service; what is not ASCII is escaped, so that half a character can be sent too."""
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": "application/json"}
        path = f"/v1/person-export/{service}"
        return self.apps[service].test_client().post(path, data=json.dumps(dict(body)), headers=headers)

    def ask(self, service: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer of one service."""
        answer = self.post(service, body)
        assert answer.status_code == 200, answer.text
        found: Mapping[str, Any] = answer.get_json()
        return found

    def export(self, email: str = PERSON, *, with_sealed: bool = False) -> dict[str, Any]:
        """The whole file."""
        return assemble(self.ask, email, REASON, with_sealed=with_sealed)

    def sql(self, service: str, statement: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of one database."""
        return rows(self.service.installation.urls[service], statement, *values)

    def roles(self, *roles: str, **others: Any) -> None:
        """Give the key these roles."""
        file = self.service.installation.secrets.folder / "access.json"
        file.write_text(json.dumps([{**json.loads(file.read_text())[0], "roles": roles, **others}]))

    def deliver(self) -> None:
        """Let events and notifications consume what registration has published."""
        publish_to_events(self.service)
        self._consume("notifications", "notifications.mail")

    def _consume(self, name: str, queue: str) -> None:
        folder = self.service.installation.secrets.folder
        engine = open_engine(self.service.installation.url(name, "consume"))
        work = UnitOfWork(engine, name)
        private, vault = read_keys(folder / "notifications.key"), Vault(read_keys(folder / "vault.key"))
        effect = notifications.effects(NotificationsContext(self.service.clock, tuple(private), vault, "example.org"))[
            queue
        ]
        received = [self._message(one) for one in self.service.messages("registration.")]
        assert set(apply_batch(work, queue, received, effect)) == {"done"}
        engine.dispose()

    @staticmethod
    def _message(one: Mapping[str, Any]) -> Message:
        message = decode(json.dumps(one).encode())
        return Message(message.id, message.type, message.source, message.subject, message.time, read(message))


@pytest.fixture(scope="module")
def with_people(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> TestInstallation:
    """Two people are registered, and all services know of them: to be copied."""
    installation = make_installation(postgres, tmp_path_factory.mktemp("people"))
    load_webinar(installation, capacity=100)
    load_folder(installation, SAMPLE)
    rows(installation.urls["registration"], "DELETE FROM outbox")  # the forms' own messages
    with open_a_minute_ago(installation) as service:
        service.enrol(answers(1, access_needs="zqstep-free"))
        service.enrol(answers(2))
        Desk(service, {}).deliver()
    return installation


@pytest.fixture
def desk(with_people: TestInstallation, tmp_path: Path) -> Iterator[Desk]:
    """A coordinator of this installation."""
    installation = with_people.copy(tmp_path)
    with ExitStack() as opened:
        service = opened.enter_context(open_registration(installation))
        apps = {name: _app(installation, opened, name) for name in ("events", "notifications")}
        yield Desk(service, {"registration": service.app, **apps})


def _app(installation: TestInstallation, opened: ExitStack, name: str) -> Flask:
    engine, environment = open_engine(installation.url(name, "web")), installation.environment(name, "web")
    opened.callback(engine.dispose)
    if name == "events":
        return events_app(read_events(environment=environment), engine)
    return notifications_app(read_notifications(environment=environment), engine)


def test_one_file_holds_what_all_services_hold(desk: Desk) -> None:
    """Of this person, and nothing of the other one."""
    file = desk.export()
    tables = {name: part["tables"] for name, part in file["services"].items()}
    [registration] = tables["registration"]["registration"]
    assert (registration["email"], registration["form"]) == (PERSON, WEBINAR)
    assert [one["name"] for one in tables["registration"]["organisation"]] == ["Organisation 1"]
    assert [one["status"] for one in tables["registration"]["registration_change"]] == ["confirmed"]
    assert [one["registration_id"] for one in tables["events"]["roster"]] == [registration["id"]]
    assert [one["subject"] for one in tables["notifications"]["recipient"]] == [registration["id"]]
    assert [one["kind"] for one in tables["notifications"]["mail"]] == ["confirmation"]
    whole = json.dumps(file)
    assert [word for word in ("participant-2", "zqstep-free") if word in whole] == []
    for name in SERVICES:
        assert file["services"][name]["left_out"] == {
            f"{table.name}.{column}": why for table in PERSONAL_TABLES[name] for column, why in table.left_out.items()
        }


def test_each_service_records_who_asked_and_why_and_not_whom(desk: Desk) -> None:
    file = desk.export()
    for name in SERVICES:
        [(who, action, subject, detail)] = desk.sql(
            name, "SELECT done_by, action, subject, detail FROM audit_record WHERE action = 'person-exported'"
        )
        assert (bool(who), action, subject, detail["reason"]) == (True, "person-exported", file["export_id"], REASON)
        assert PERSON not in str(detail)


def test_sealed_answers_are_named_with_dates_and_opened_for_readers_alone(desk: Desk) -> None:
    """Each reading is in the log, with the reason of the export."""
    [given] = desk.export()["services"]["registration"]["opened"]["sealed_answers"].values()
    assert (list(given), list(given["given_at"])) == (["given_at"], ["access_needs"])
    assert desk.sql("registration", "SELECT count(*) FROM sealed_reading") == [(0,)]
    desk.roles("coordinator")
    refused = desk.post("registration", {"email": PERSON, "reason": REASON, "with_sealed": True})
    assert (refused.status_code, desk.sql("registration", "SELECT count(*) FROM sealed_reading")) == (403, [(0,)])
    desk.roles("coordinator", "sealed-reader")
    [opened] = desk.export(with_sealed=True)["services"]["registration"]["opened"]["sealed_answers"].values()
    assert opened["answers"] == {"access_needs": "zqstep-free"}
    assert desk.sql("registration", "SELECT reason FROM sealed_reading") == [(REASON,)]


@pytest.mark.parametrize("service", SERVICES)
def test_reason_and_role_are_needed(desk: Desk, service: str) -> None:
    """A key that is limited to some forms gets nothing: the export would not be whole."""
    body: dict[str, Any] = {"email": PERSON, "reason": REASON, "person_refs": [], "subjects": []}
    kept = {
        "registration": ("email",),
        "events": ("person_refs",),
        "notifications": ("person_refs", "subjects"),
    }
    whole = {name: body[name] for name in (*kept[service], "reason")}
    assert desk.post(service, whole).status_code == 200
    for reason in ("", "short", None, f"{REASON}\n", f"{REASON} \ud800", f"{REASON}\0"):
        assert desk.post(service, {**whole, "reason": reason}).status_code == 422
    for roles, others in ((("viewer",), {}), (("operator",), {}), (("coordinator",), {"forms": [WEBINAR]})):
        desk.roles(*roles, **others)
        assert desk.post(service, whole).status_code == 403
    desk.key = "of nobody"
    assert desk.post(service, whole).status_code == 401


def test_proposals_are_found_by_the_person_and_their_speakers_opened(desk: Desk) -> None:
    proposal = proposal_answers("Housing as a right", email=PERSON, speakers="zqspeaker")
    made = desk.service.enrol(proposal, PROPOSAL)
    publish_to_events(desk.service)
    file = desk.export()["services"]
    assert [one["title"] for one in file["events"]["tables"]["proposal"]] == ["Housing as a right"]
    assert "zqspeaker" in json.dumps(file["events"]["opened"])
    assert made in {one["id"] for one in file["registration"]["tables"]["registration"]}
    assert desk.export("participant-2@example.org")["services"]["events"]["tables"]["proposal"] == []


def test_someone_unknown_gets_an_empty_file(desk: Desk) -> None:
    file = desk.export("nobody@example.org")
    assert {name: [t for t, found in part["tables"].items() if found] for name, part in file["services"].items()} == {
        name: [] for name in SERVICES
    }


def test_erased_person_gets_an_empty_file(desk: Desk) -> None:
    """But for what is kept for a day: that the address was erased, and when its mailbox may be written to."""
    service = desk.service
    service.own(service.own_token(1), "erase")
    found = desk.export()["services"]["registration"]["tables"]
    assert {name for name, held in found.items() if held} <= {"erased_address", "mailbox", "waiting_network"}
