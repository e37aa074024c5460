"""The audit of mails whose person was erased later."""

from sqlalchemy import text

from deploy.operations.audit.checks import Alone
from deploy.operations.audit.mails import A10
from shared.runtime.ids import new_id
from shared.runtime.runner import Stop
from tests.integration.notifications.notification_service import PERSON, NotificationService
from tests.integration.notifications.test_erasing import erased
from tests.support.smtp_relay import Relay

OTHER = f"{9:064x}"


def test_audit_counts_a_notification_by_a_registration_that_is_erased(
    notifications: NotificationService,
) -> None:
    """The mail names no one any more, so it accounts for one person, and not for two."""
    notifications.consume_event()
    first, second, others = new_id(), new_id(), new_id()
    for identity in (first, second):
        notifications.consume(notifications.registration_message("confirmed", identity))
    notifications.consume(notifications.registration_message("confirmed", others, person_ref=OTHER))
    with Relay({}) as relay:
        notifications.sender(relay.port).run_once(Stop())
        notifications.consume_event(revision=2, status="cancelled")
        notifications.pass_time(minutes=2)
        notifications.schedule()
        notifications.sender(relay.port).run_once(Stop())
    (subject,) = {
        str(mail["subject"]) for mail in notifications.mails() if mail["recipient"] == PERSON and _is_news(mail)
    }
    notifications.consume(erased(notifications, subject))
    (not_notified,) = [check for check in A10.checks if check.what.startswith("each person with a place")]
    assert isinstance(not_notified, Alone)
    statement = not_notified.sql % {"remembered_since": "'2000-01-01'"}
    assert notifications.rows(statement) == []
    with notifications.work.transaction() as connection:
        for table, whose in (
            ("mail_attempt", "mail_id IN (SELECT id FROM mail WHERE recipient = :other)"),
            ("mail", "recipient = :other"),
        ):
            connection.execute(text(f"DELETE FROM {table} WHERE {whose}"), {"other": OTHER})
    assert len(notifications.rows(statement)) == 1


def _is_news(mail: dict[str, object]) -> bool:
    return mail["kind"] == "event-cancelled"
