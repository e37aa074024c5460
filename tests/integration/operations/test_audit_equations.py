"""Each equation is broken on purpose in data of real use cases, and it alone is reported."""

from dataclasses import dataclass, replace

import pytest

from deploy.operations.audit.equations import EQUATIONS
from deploy.operations.audit.facts import CONSUMING_QUEUES, NOT_ABOUT_REGISTRATIONS
from deploy.operations.audit.printing import print_audit
from deploy.operations.audit.reading import Given, open_sources
from deploy.operations.audit.readings import Head, head_of
from deploy.operations.audit.reconcile import AuditOutcome, judge, reconcile
from services.notifications.mails.kinds import KINDS
from shared.messaging.contracts.registry import MESSAGE_TYPES
from tests.integration.operations import breaking_mails, breaking_messages, breaking_registrations
from tests.integration.operations.breaking import Break
from tests.integration.operations.corruptions import CORRUPTIONS, SEATED, Corruption
from tests.integration.operations.in_process_system import InProcessSystem, a_populated_system
from tests.support.audit_checks import assert_clean, differences
from tests.support.clients import rows
from tests.support.installation import TestInstallation, make_whole
from tests.support.postgres import PostgresServer

BREAKS = (*breaking_registrations.BREAKS, *breaking_messages.BREAKS, *breaking_mails.BREAKS)
_STATES = "SELECT status, count(*)::integer FROM registration GROUP BY 1 ORDER BY 1"
_A_COPY_OF_A_MAIL = """
    SELECT message_id FROM mail
    WHERE state = 'sent' AND recipient IS NOT NULL
        AND recipient NOT IN (SELECT person_ref FROM suppression) ORDER BY message_id LIMIT 1
"""
"""Another copy of a mail to a person who was erased, or who wants no bulletins, would be a difference by itself."""
_KINDS = "SELECT kind, count(*)::integer FROM mail GROUP BY 1 ORDER BY 1"

_PARKED_ANSWER = """
    INSERT INTO submission (receipt_hash, kind, form, form_revision, token_hash, fingerprint, code, body, decider_key,
        received_at, state, parked_reason)
    SELECT sha256('receipt'), 'accept-seat', 'upr-webinar-10', 1, sha256('token'), sha256('answer'), 'K7QM', 'sealed',
        decider_key, now() - interval '3 days', 'parked', 'a test' FROM submission LIMIT 1
"""

CONTENTS = "A14"
GIVEN = {
    ("A1", "each receipt that a client was given is stored"),
    ("A8", "the copies that arrived are those that were handed over"),
    ("A9", "each that was found at the broker has a reason"),
    ("A12", "the log still has the entries noted earlier"),
}
"""Checks of what no database knows."""


@dataclass(frozen=True, slots=True)
class Past:
    """A populated system at rest: its databases, what clients were answered, what arrived."""

    installation: TestInstallation
    accepted: list[str]
    copies: dict[str, int]


@pytest.fixture(scope="module")
def past(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Past:
    """Made once; no one changes it."""
    folder = tmp_path_factory.mktemp("populated-system")
    installation = make_whole(postgres, folder)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in installation.environment("registration").items():
            patch.setenv(name, value)
        system = InProcessSystem(installation, folder)
        try:
            a_populated_system(system, system.client())
        finally:
            system.leave()
    return Past(installation, system.accepted, dict(system.copies))


def test_populated_system_has_no_findings(past: Past) -> None:
    assert_clean(past.installation, past.accepted, past.copies, parked=[("an-id", "events.rollup", "broken")])


def test_populated_system_has_every_kind_of_row(past: Past) -> None:
    """What is clean is not clean for being empty."""
    urls = past.installation.urls
    assert rows(urls["registration"], _STATES) == [
        ("cancelled", 6),
        ("confirmed", 10),
        ("waitlisted", 1),
    ]
    assert dict(rows(urls["notifications"], _KINDS)) == {
        "bulletin": 7,
        "cancelled-by-you": 4,
        "changed": 2,
        "confirmation": 10,
        "event-postponed": 6,
        "invitation": 1,
        "promotion": 2,
        "proposal-declined": 1,
        "proposal-received": 4,
        "verification": 25,
        "waiting-list": 3,
    }
    assert rows(urls["registration"], "SELECT count(*)::integer FROM sealed_reading") == [(1,)]
    assert rows(urls["events"], "SELECT status, answers_revision FROM proposal ORDER BY 1, 2") == [
        ("declined", 1),
        ("submitted", 2),
        ("withdrawn", 0),
        ("withdrawn", 1),
    ]


@pytest.mark.parametrize("case", BREAKS, ids=lambda case: f"{case.equation}, {case.name}")
def test_what_is_broken_is_found_by_its_equation_alone(past: Past, case: Break) -> None:
    urls = past.installation.urls.with_a_copy_of(case.database)
    urls.break_it(case.database, *case.statements)
    found = differences(replace(past.installation, urls=urls))
    beside = set() if case.equation == CONTENTS else {CONTENTS}  # it finds every change of a row by hand
    assert {finding.equation for finding in found} - beside == {case.equation}, "\n".join(map(str, found))
    assert case.what in {finding.what for finding in found}


@pytest.mark.parametrize("case", CORRUPTIONS, ids=lambda case: case.name)
def test_corruption_is_found_or_its_limit_documented(past: Past, case: Corruption) -> None:
    [(seated,)] = rows(past.installation.urls["registration"], f"SELECT {SEATED}::text")
    urls = past.installation.urls
    for database in case.statements:
        urls = urls.with_a_copy_of(database)
    if case.before:
        urls.break_it(database, *(statement.format(seated=seated) for statement in case.before))
        assert_clean(replace(past.installation, urls=urls))
    for database, statements in case.statements.items():
        urls.break_it(database, *(statement.format(seated=seated) for statement in statements))
    found = differences(replace(past.installation, urls=urls))
    assert bool(found) == (case.limit == ""), "\n".join(map(str, found))


def test_rows_from_before_there_were_digests_are_not_asked_about(
    past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    urls = past.installation.urls.with_a_copy_of("events")
    urls.break_it("events", "UPDATE roster SET language = 'fr', digest = NULL WHERE erased_at IS NULL")
    assert_clean(replace(past.installation, urls=urls))
    with open_sources(urls.audit_urls(), grace_s=0) as sources:
        print_audit(sources, judge(sources), AuditOutcome.HOLDS, "a system")
    [line] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("contents of events")]
    ((roster,),) = rows(urls["events"], "SELECT count(*) FROM roster WHERE digest IS NULL")
    assert roster > 0
    assert line.endswith(f"without a digest, not asked {roster}")


def test_nothing_but_the_tombstone_of_an_erased_person_has_a_digest(past: Past) -> None:
    """Also of their earlier revisions none is left."""
    found = rows(
        past.installation.urls["registration"],
        "SELECT DISTINCT c.revision = r.revision, c.digest IS NOT NULL FROM registration_change c "
        "JOIN registration r ON r.id = c.registration_id WHERE r.erased_at IS NOT NULL ORDER BY 1",
    )
    assert found == [(False, False), (True, True)]


def test_sums_are_printed(past: Past, capsys: pytest.CaptureFixture[str]) -> None:
    with open_sources(past.installation.urls.audit_urls(), grace_s=0) as sources:
        print_audit(sources, judge(sources), AuditOutcome.HOLDS, "a system")
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines[2] == "submissions of the last 8 days 11 = check-your-mail 5 + confirm 5 + erase 1"
    assert lines[3] == "registrations 17 = cancelled 6 + confirmed 10 + waitlisted 1"
    published = [line.split() for line in lines if line.startswith("published for ")]
    assert [words[2] for words in published] == sorted({queue for _type, queue in CONSUMING_QUEUES})
    for words in published:
        every, taken_in, waiting, parked, lost = (int(word.replace(",", "")) for word in words if word[0].isdigit())
        assert every > 0
        assert (taken_in, waiting, parked, lost) == (every, 0, 0, 0)


def test_every_check_is_broken() -> None:
    """Those of ``GIVEN`` by the tests below."""
    broken = {(case.equation, case.what) for case in BREAKS}
    assert broken | GIVEN == {(equation.code, check.what) for equation in EQUATIONS for check in equation.checks}
    assert [equation.code for equation in EQUATIONS] == [f"A{number}" for number in range(1, 15)]


def test_answer_that_was_given_and_is_not_stored_is_found(past: Past) -> None:
    lost = "ab" * 32
    found = differences(past.installation, [*past.accepted, lost])
    assert [(f.equation, f.subject, f.found) for f in found] == [("A1", lost, "nothing")]


def test_log_of_readings_that_was_rewritten_from_its_beginning_is_found_by_a_head_noted_before(past: Past) -> None:
    """The owner of the table can forge a consistent chain; but not one whose end matches the log kept elsewhere."""
    with open_sources(past.installation.urls.audit_urls(), grace_s=0) as sources:
        head = head_of(sources)
    urls = past.installation.urls.with_a_copy_of("registration")
    urls.break_it(
        "registration",
        "ALTER TABLE sealed_reading DISABLE TRIGGER USER",
        "UPDATE sealed_reading SET reader = 'nobody'",
        "UPDATE sealed_reading SET chain_hash = sha256(content_hash)",
        "ALTER TABLE sealed_reading ENABLE TRIGGER USER",
    )
    assert head.number == 1
    for noted, wanted in (
        (Head(), []),
        (head, [("A12", "1", "another")]),
        (Head(2, head.digest), [("A12", "2", "none")]),
    ):
        with open_sources(urls.audit_urls(), Given(head=(noted.number, noted.digest)), grace_s=0) as sources:
            assert [(f.equation, f.subject, f.found) for f in reconcile(sources)] == wanted


@pytest.mark.parametrize(
    ("change", "expected", "seen"), [(+1, "1 to 1", "2"), (-1, "1 to 1", "nothing")], ids=["doubled", "lost"]
)
def test_copies_that_do_not_match_are_found(past: Past, change: int, expected: str, seen: str) -> None:
    message_id = min(past.copies)
    copies = {**past.copies, message_id: past.copies[message_id] + change}
    found = differences(past.installation, copies={key: count for key, count in copies.items() if count})
    assert [(f.equation, f.subject, f.expected, f.found) for f in found] == [("A8", message_id, expected, seen)]


def test_mail_that_no_one_wrote_is_found(past: Past) -> None:
    found = differences(past.installation, copies={**past.copies, "<forged@example.org>": 1})
    assert [(f.equation, f.subject) for f in found] == [("A8", "<forged@example.org>")]


def test_second_copy_is_right_where_an_unknown_is_recorded(past: Past) -> None:
    """And only there: the same copies were a difference above."""
    urls = past.installation.urls.with_a_copy_of("notifications")
    (message_id,) = rows(urls["notifications"], _A_COPY_OF_A_MAIL)[0]
    urls.break_it(
        "notifications",
        f"UPDATE mail SET fence = fence + 1, unknowns = 1 WHERE message_id = '{message_id}'",
        "INSERT INTO mail_attempt (mail_id, number, message_id, phase, started_at, ended_at, outcome) "
        f"SELECT id, fence, message_id, 'data', now(), now(), 'unknown' FROM mail WHERE message_id = '{message_id}'",
    )
    assert_clean(replace(past.installation, urls=urls), past.accepted, {**past.copies, message_id: 2})


def test_letter_parked_at_a_broker_needs_a_reason(past: Past) -> None:
    found = differences(past.installation, parked=[("an-id", "events.rollup", "")])
    assert [(f.equation, f.subject) for f in found] == [("A9", "an-id events.rollup")]


@pytest.mark.parametrize("parked", [False, True])
def test_message_that_is_parked_is_not_lost(past: Past, parked: bool) -> None:
    urls = past.installation.urls.with_a_copy_of("notifications")
    ((message,),) = rows(
        urls["notifications"], "SELECT message_id::text FROM inbox WHERE consumer = 'notifications.copies' LIMIT 1"
    )
    urls.break_it("notifications", f"DELETE FROM inbox WHERE message_id = '{message}'")
    copies = [(message, "notifications.copies", "broken")] if parked else []
    found = differences(replace(past.installation, urls=urls), parked=copies)
    assert [f.equation for f in found] == ([] if parked else ["A6"])


@pytest.mark.parametrize(
    ("expired", "answer", "codes"),
    [("2 hours", "SELECT 1", ["A3"]), ("2 hours", _PARKED_ANSWER, []), ("2 days", _PARKED_ANSWER, ["A3"])],
    ids=["not answered", "answer is parked", "answer is parked for long"],
)
def test_offer_may_wait_a_day_for_an_answer_that_is_not_decided(
    past: Past, expired: str, answer: str, codes: list[str]
) -> None:
    urls = past.installation.urls.with_a_copy_of("registration")
    urls.break_it(
        "registration",
        f"UPDATE registration SET offer_expires_at = now() - interval '{expired}' WHERE status = 'waitlisted'",
        "UPDATE seat SET offered = offered + 1 WHERE form = 'upr-webinar-10'",
        answer,
    )
    found = differences(replace(past.installation, urls=urls))
    assert [f.equation for f in found if f.equation != CONTENTS] == codes


@pytest.mark.parametrize(("grace_s", "codes"), [(0.0, ["A6"]), (60.0, [])], ids=["must have arrived", "on its way"])
def test_young_message_may_be_on_its_way(past: Past, grace_s: float, codes: list[str]) -> None:
    urls = past.installation.urls.with_a_copy_of("registration")
    urls.break_it(
        "registration",
        "DELETE FROM inbox WHERE ctid = (SELECT min(ctid) FROM inbox)",
    )
    events = urls.with_a_copy_of("events")
    events.break_it("events", "UPDATE outbox SET published_at = now() - interval '2 seconds'")
    found = differences(replace(past.installation, urls=events), grace_s=grace_s)
    assert [f.equation for f in found] == codes


def test_consumers_of_each_type_match_the_services() -> None:
    """Written down twice on purpose: neither list may change alone."""
    assert set(CONSUMING_QUEUES) == {(entry.type, queue) for entry in MESSAGE_TYPES for queue in entry.consumers}


def test_mails_that_events_does_not_store_are_those_about_something_else() -> None:
    others = {kind.name for kind in KINDS.values() if kind.about != "registration"}
    assert set(NOT_ABOUT_REGISTRATIONS) == others
