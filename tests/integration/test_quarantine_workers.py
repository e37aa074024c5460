"""Workers while their database is in quarantine: they move, decide and send nothing, and continue afterwards."""

import time
from dataclasses import replace
from functools import partial

import pytest
import requests

from services.notifications.sending.sender import Sender
from services.notifications.sending.smtp import Session
from services.registration.workers import make_decider
from shared.db.quarantine import QuarantineWatch
from shared.db.readiness import CheckedClock
from shared.runtime.errors import Quarantined
from shared.runtime.runner import Stop
from tests.contract.samples import sample_message
from tests.integration.notifications.conftest import notifications as notifications
from tests.integration.notifications.notification_service import NotificationService
from tests.integration.registration.conftest import installation as installation
from tests.integration.registration.conftest import service as service
from tests.integration.registration.conftest import with_webinar as with_webinar
from tests.integration.test_quarantine import INSERT, REASON
from tests.integration.test_recovery_commands import CONTACTS, System, is_ready
from tests.integration.test_recovery_commands import system as system
from tests.support.clients import SUBMISSIONS, answers, rows
from tests.support.installation import TestInstallation
from tests.support.processes import ProcessGroup
from tests.support.registration_service import RegistrationService
from tests.support.smtp_relay import Relay
from tests.support.waiting import poll_until

WAITING = "SELECT count(*)::int FROM outbox WHERE published_at IS NULL"
CONSUMED_COUNT = "SELECT count(*)::int FROM inbox"
UNDECIDED = "SELECT count(*)::int FROM submission WHERE state = 'received'"


def shows_quarantine(url: str) -> bool:
    """Whether a process has the metric."""
    return "troika_quarantine" in requests.get(f"{url}/metrics", timeout=5).text


@pytest.mark.timeout(120)
def test_workers_do_nothing_in_quarantine_and_continue_afterwards(system: System) -> None:
    """It begins before any process starts, as after a restore, at producer and consumer; each is ended alone."""
    mails = [sample_message("mail.sent.v1", mail_id=f"0170a4c9-0010-7fed-8cba-00000000000{n}") for n in range(3)]
    system.store("notifications", mails)
    system.sql("notifications", INSERT)
    system.sql("events", INSERT)
    urls = [system.start("notifications", "relay")[1], system.start("events", "consume")[1]]
    for url in urls:
        poll_until(is_ready(url), 40, what="ready, in quarantine too")
        poll_until(partial(shows_quarantine, url), 10)
    time.sleep(2)  # in which nothing may happen
    assert system.sql("notifications", WAITING) == [(3,)]
    system.sql("notifications", "DELETE FROM quarantine")
    poll_until(lambda: system.sql("notifications", WAITING) == [(0,)], 20, what="published")
    time.sleep(2)  # in which nothing may be consumed
    assert system.sql("events", CONSUMED_COUNT) == [(0,)]
    system.sql("events", "DELETE FROM quarantine")
    poll_until(lambda: len(system.sql("events", CONTACTS)) == 3, 20, what="consumed")


@pytest.mark.timeout(120)
def test_while_the_databases_settle_messages_move_and_nothing_is_decided(
    service: RegistrationService, installation: TestInstallation, processes: ProcessGroup
) -> None:
    system = System(installation, processes)
    assert installation.urls["bus"]
    service.client.post(SUBMISSIONS, json=answers(1))
    system.store("registration", [sample_message("form.changed.v1")])
    system.sql("registration", INSERT)
    urls = [system.start("registration", role)[1] for role in ("relay", "decide")]
    for url in urls:
        poll_until(is_ready(url), 40, what="ready, in quarantine too")
    assert system.sql("registration", WAITING) == [(1,)]
    system.sql("registration", "UPDATE quarantine SET settling = true")
    poll_until(lambda: system.sql("registration", WAITING) == [(0,)], 20, what="published")
    time.sleep(2)  # in which nothing may be decided
    assert system.sql("registration", UNDECIDED) == [(1,)]
    system.sql("registration", "DELETE FROM quarantine")
    poll_until(lambda: system.sql("registration", UNDECIDED) == [(0,)], 20, what="decided")


def test_decider_decides_nothing_in_quarantine(service: RegistrationService) -> None:
    service.client.post(SUBMISSIONS, json=answers(1))
    work = service.work("decide")
    rows(service.url, INSERT)
    gated = work.gated(QuarantineWatch(work, "registration").require_none)
    clock = CheckedClock(service.clock, work, "registration")
    with pytest.raises(Quarantined):
        make_decider(service.settings("decide"), gated, clock)
    assert rows(service.url, UNDECIDED) == [(1,)]


def test_mail_that_has_gone_is_settled_in_quarantine(notifications: NotificationService) -> None:
    """Else it would go out a second time afterwards: the quarantine begins while the relay takes it."""
    notifications.consume_event()
    notifications.queue_mails(1)
    gate_closed: list[bool] = []

    def gate() -> None:
        if gate_closed:
            raise Quarantined(REASON)

    with Relay({}) as relay:
        sender = Sender(replace(notifications.tools(relay.port), work=notifications.work_of("send").gated(gate)))
        with pytest.MonkeyPatch.context() as patch:
            handed_over = Session.deliver

            def deliver(session: Session, content: bytes) -> None:
                handed_over(session, content)
                gate_closed.append(True)

            patch.setattr(Session, "deliver", deliver)
            assert sender.run_once(Stop()) == 1
        with pytest.raises(Quarantined):
            sender.run_once(Stop())
    assert [mail["state"] for mail in notifications.mails()] == ["sent"]
