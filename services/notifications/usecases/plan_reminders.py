"""Plans reminders shortly before they are due, and gives up those that have not gone in time.

Planning looks again and again until a reminder is due, so it finds who registers meanwhile; what is there already stays
as it is. Nothing is planned for an event that has no date or does not take place.
"""

from datetime import datetime

from services.notifications.domain.kinds import ATTENDING, KINDS
from services.notifications.domain.mail import NewMail, mail_id_of
from services.notifications.domain.reminders import Planned, horizon, plan
from services.notifications.store.audience import Addressee, some_of
from services.notifications.store.events import upcoming
from services.notifications.store.mails import add_reminder, miss_expired
from shared.core.clock import parse_rfc3339, rfc3339
from shared.core.failpoints import reach
from shared.core.metrics import mails_total
from shared.store.unit_of_work import UnitOfWork

CHUNK = 200
LATE = "its time has passed"


def plan_reminders(work: UnitOfWork, now: datetime, mail_domain: str, chunk: int = CHUNK) -> int:
    """Plan what is to be planned now; returns how many reminders were made.

    Args:
        work: on the service's database.
        now: compared with the database's time.
        mail_domain: what Message-IDs end with.
        chunk: most people of one transaction.

    Raises:
        Unavailable: the database is away; look again later.
    """
    with work.transaction() as connection:
        events = upcoming(connection, rfc3339(now), rfc3339(now + horizon()))
    starts = [(event, content["starts_at"]) for event, content in events]
    made = 0
    for event, starts_at in starts:
        for planned in plan(parse_rfc3339(starts_at), now):
            made += _plan_one(work, now, mail_domain, event, planned, chunk)
    return made


def miss_reminders(work: UnitOfWork, now: datetime) -> int:
    """Give up reminders whose time has passed by ``now``, which was compared; returns how many.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        missed = miss_expired(connection, now, LATE)
    for kind in missed:
        mails_total.labels(kind, "missed").inc()
    return len(missed)


def _plan_one(work: UnitOfWork, now: datetime, mail_domain: str, event: str, planned: Planned, chunk: int) -> int:
    wanted = {
        "event": event,
        "form_kinds": list(ATTENDING),
        "statuses": ["confirmed"],
        "heard_before": planned.due_at,
        "without": planned.kind,
        "number": planned.number,
    }
    made, after = 0, ""
    while True:
        with work.transaction() as connection:
            people = some_of(connection, wanted, after, chunk)
            made += sum(add_reminder(connection, _mail(event, planned, who, mail_domain, now)) for who in people)
            reach("schedule.reminders")
        if len(people) < chunk:
            return made
        after = people[-1].person_ref


def _mail(event: str, planned: Planned, person: Addressee, mail_domain: str, now: datetime) -> NewMail:
    mail_id = mail_id_of(planned.kind, person.subject, planned.number, person.person_ref)
    return NewMail(
        id=mail_id,
        kind=planned.kind,
        subject=person.subject,
        revision=planned.number,
        event=event,
        lane=KINDS[planned.kind].lane,
        state="queued",
        reason=None,
        message_id=f"<{mail_id}@{mail_domain}>",
        cause_at=planned.due_at,
        created_at=now,
        correlation_id="",
        due_at=planned.due_at,
        expires_at=planned.expires_at,
    )
