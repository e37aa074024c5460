"""A kind of mail is one object: what else lists kinds by name agrees with the registry."""

import re

from deploy.operations.audit import mails
from services.console_words import MAIL_KINDS
from services.notifications.mails.kinds import CANCELLED, KINDS, REMINDER_KINDS, MailKind
from services.registration.own.pages import TEXTS
from shared.calendar.event_news import NEWS_KINDS
from shared.messaging.contracts.registry import MESSAGE_TYPES
from tests.integration.model.rules import TRUE_WHILE

NAME = re.compile(r"'([a-z0-9-]+)'")


def of(**wanted: object) -> set[str]:
    """Names of the kinds with these attributes."""
    return {kind.name for kind in KINDS.values() if all(getattr(kind, name) == value for name, value in wanted.items())}


def test_no_attribute_of_a_kind_has_a_default() -> None:
    assert MailKind.__init__.__defaults__ is None


def test_every_kind_has_a_name_for_coordinators() -> None:
    assert set(MAIL_KINDS) == set(KINDS)


def test_every_kind_about_a_registration_has_a_name_for_its_person() -> None:
    """*My data* calls a kind without one "E-mail": a newer version of notifications may have sent it."""
    names = {"reminder" if name in REMINDER_KINDS else name for name in of(about="registration")}
    assert [name for name in sorted(names) if not TEXTS.has(f"data.mail.{name}")] == []


def test_causes_are_messages_that_there_are() -> None:
    assert {kind.message for kind in KINDS.values()} - {""} <= {one.key for one in MESSAGE_TYPES}


def test_news_are_those_that_the_events_service_announces() -> None:
    assert of(of_event_state=True, announced=True) == set(NEWS_KINDS)


def test_the_audit_knows_the_kinds() -> None:
    """The audit imports no service: its own lists are compared here."""
    assert set(NAME.findall(mails._NUMBERED)) == of(about="registration", numbered="revision")
    assert set(NAME.findall(mails._NEWS)) == set(NEWS_KINDS)


def test_the_reference_model_of_the_tests_knows_when_mails_are_true() -> None:
    assert {name: set(KINDS[name].true_while) for name in TRUE_WHILE} == {k: set(v) for k, v in TRUE_WHILE.items()}
    assert CANCELLED in TRUE_WHILE
