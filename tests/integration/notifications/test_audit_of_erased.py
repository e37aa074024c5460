"""What the audit makes of mails whose person was erased since."""

from sqlalchemy import text

from deploy.operations.audit.checks import Alone
from deploy.operations.audit.mails import A10
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.office import PERSON, Office
from tests.integration.notifications.test_erasing import erased
from tests.support.smtp_relay import Relay

OTHER = f"{9:064x}"


def test_audit_knows_that_somebody_was_told_by_a_registration_that_is_erased(office: Office) -> None:
    """The mail names nobody any more, so it accounts for one person, and not for two."""
    office.hear_event()
    first, second, others = new_id(), new_id(), new_id()
    for identity in (first, second):
        office.hear(office.told("confirmed", identity))
    office.hear(office.told("confirmed", others, person_ref=OTHER))
    with Relay({}) as relay:
        office.sender(relay.port).run_once(Stop())
        office.hear_event(revision=2, status="cancelled")
        office.pass_time(minutes=2)
        office.schedule()
        office.sender(relay.port).run_once(Stop())
    (subject,) = {str(mail["subject"]) for mail in office.mails() if mail["recipient"] == PERSON and _is_news(mail)}
    office.hear(erased(office, subject))
    (not_notified,) = [check for check in A10.checks if check.what.startswith("each person with a place")]
    assert isinstance(not_notified, Alone)
    statement = not_notified.sql % {"remembered_since": "'2000-01-01'"}
    assert office.rows(statement) == []
    with office.work.transaction() as connection:
        for table, whose in (
            ("mail_attempt", "mail_id IN (SELECT id FROM mail WHERE recipient = :other)"),
            ("mail", "recipient = :other"),
        ):
            connection.execute(text(f"DELETE FROM {table} WHERE {whose}"), {"other": OTHER})
    assert len(office.rows(statement)) == 1


def _is_news(mail: dict[str, object]) -> bool:
    return mail["kind"] == "event-cancelled"
