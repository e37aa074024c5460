"""A mail that is created again has the same id and Message-ID, because one is derived from the other."""

from sqlalchemy import text

from services.notifications.mails.model import mail_id_of
from tests.integration.notifications.notification_service import NotificationService


def _change(notifications: NotificationService, statement: str) -> None:
    with notifications.work.transaction() as connection:
        connection.execute(text(statement))


SUBJECT = "0170a4c9-0010-7fed-8cba-000000000001"


def test_mail_made_again_in_an_older_database_has_its_old_message_id(notifications: NotificationService) -> None:
    message = notifications.registration_message("confirmed", SUBJECT)
    notifications.consume(message)
    (first,) = notifications.mails()
    _change(notifications, "DELETE FROM mail")
    _change(notifications, "DELETE FROM recipient")
    _change(notifications, "DELETE FROM inbox")
    notifications.consume(message)
    (again,) = notifications.mails()
    assert (again["id"], again["message_id"]) == (first["id"], first["message_id"])


def test_each_part_of_a_mail_makes_another_id() -> None:
    parts = ("confirmation", SUBJECT, 1, "ab" * 32)
    others = [("changed", SUBJECT, 1, "ab" * 32), ("confirmation", SUBJECT.replace("1", "2"), 1, "ab" * 32)]
    others += [("confirmation", SUBJECT, 2, "ab" * 32), ("confirmation", SUBJECT, 1, "cd" * 32)]
    ids = {mail_id_of(*parts), *(mail_id_of(*other) for other in others)}
    assert len(ids) == 5
    assert mail_id_of(*parts) == mail_id_of(*parts)


def test_mail_that_goes_by_another_subject_is_not_made_a_second_time(notifications: NotificationService) -> None:
    """The message is delivered again, and only the id shows that it is a repetition."""
    message = notifications.registration_message("confirmed", SUBJECT)
    notifications.consume(message)
    _change(notifications, "UPDATE mail SET kind = 'changed', revision = 7")
    _change(notifications, "DELETE FROM inbox")
    notifications.consume(message)
    assert [(mail["kind"], mail["revision"]) for mail in notifications.mails()] == [("changed", 7)]
