"""A mail that is created again has the same id and Message-ID, because one is derived from the other."""

from sqlalchemy import text

from services.notifications.mails.model import mail_id_of
from tests.integration.notifications.office import Office


def _change(office: Office, statement: str) -> None:
    with office.work.transaction() as connection:
        connection.execute(text(statement))


SUBJECT = "0170a4c9-0010-7fed-8cba-000000000001"


def test_mail_made_again_in_an_older_database_has_its_old_message_id(office: Office) -> None:
    message = office.told("confirmed", SUBJECT)
    office.hear(message)
    (first,) = office.mails()
    _change(office, "DELETE FROM mail")
    _change(office, "DELETE FROM recipient")
    _change(office, "DELETE FROM inbox")
    office.hear(message)
    (again,) = office.mails()
    assert (again["id"], again["message_id"]) == (first["id"], first["message_id"])


def test_each_part_of_a_mail_makes_another_id() -> None:
    parts = ("confirmation", SUBJECT, 1, "ab" * 32)
    others = [("changed", SUBJECT, 1, "ab" * 32), ("confirmation", SUBJECT.replace("1", "2"), 1, "ab" * 32)]
    others += [("confirmation", SUBJECT, 2, "ab" * 32), ("confirmation", SUBJECT, 1, "cd" * 32)]
    ids = {mail_id_of(*parts), *(mail_id_of(*other) for other in others)}
    assert len(ids) == 5
    assert mail_id_of(*parts) == mail_id_of(*parts)


def test_mail_that_goes_by_another_subject_is_not_made_a_second_time(office: Office) -> None:
    """The message is delivered again, and only the id shows that it is a repetition."""
    message = office.told("confirmed", SUBJECT)
    office.hear(message)
    _change(office, "UPDATE mail SET kind = 'changed', revision = 7")
    _change(office, "DELETE FROM inbox")
    office.hear(message)
    assert [(mail["kind"], mail["revision"]) for mail in office.mails()] == [("changed", 7)]
