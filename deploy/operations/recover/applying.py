"""Applies a plan in passes: each finds the remaining differences, applies them, and waits for the messages.

It can be killed and rerun.
"""

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import text

from deploy.operations.recover import decisions, mails, programme, registrations
from deploy.operations.recover.comparing import Comparison, compare
from deploy.operations.recover.databases import APPLIED, NOTIFICATIONS, SERVICES, ComparedDatabases
from deploy.operations.recover.planning import Plan, PlanRefused, is_restored, require_quarantine
from deploy.operations.recover.state_digest import digest_of
from services.registration.people.messages import RegistrationMessages
from shared.runtime.clock import Clock

MAX_PASSES = 8
"""Each pass delivers what the previous one published; messages that wait at the broker may add work."""

_PUBLISH = text("""
    UPDATE outbox SET published_at = NULL, try_at = NULL, refusals = 0, again_at = :now
    WHERE message_id = ANY(CAST(:ids AS uuid[])) AND published_at IS NOT NULL AND blanked_at IS NULL
""")
_FORGET = text("DELETE FROM inbox WHERE consumer = :consumer AND message_id = CAST(:id AS uuid)")


@dataclass(frozen=True, slots=True)
class RecoveryContext:
    """Attributes:
    databases: the databases of the installation.
    clock: the source of the current time.
    messages: the messages of registration, with the public keys of the other services.
    mail_domain: what Message-IDs end with.
    settle: lets relays and consumers work until every stored message has arrived.
    sent: Message-IDs that the mail relay has taken; None if there is no such list.
    may_erase: lost registrations that were written down, so that they may be erased elsewhere; None for any.
    """

    databases: ComparedDatabases
    clock: Clock
    messages: RegistrationMessages
    mail_domain: str
    settle: Callable[[], None]
    sent: frozenset[str] | None = None
    may_erase: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Applied:
    """What was done: how many passes, registrations, messages and mails."""

    passes: int
    taken_back: int
    erased: int
    removed: int
    published: int
    mails: int


def apply(tools: RecoveryContext, plan: Plan) -> Applied:
    """Apply the plan until the databases agree.

    Raises:
        PlanRefused: no quarantine, or the state is not the one that the plan has seen; or messages that have arrived
            since show that more is lost.
        Unavailable: a database does not answer; run it again.
    """
    databases = tools.databases
    _require_current(tools, plan)
    databases.settle(settling=False)  # it stayed on if an earlier run was killed
    databases.begin_plan(plan.digest)
    databases.record("recovery-applied", tools.clock(), {"plan": plan.digest[:16]})
    passes, totals = _passes(tools)
    marked = _mark_mails(tools)
    more, totals_after = _passes(tools)
    registrations.count_seats(databases)
    registrations.keep_places(databases)
    databases.finish_plan(plan.digest)
    taken_back, erased, removed, published = (a + b for a, b in zip(totals, totals_after, strict=True))
    return Applied(passes + more, taken_back, erased, removed, published, marked)


def _require_current(tools: RecoveryContext, plan: Plan) -> None:
    quarantines = tools.databases.quarantines()
    require_quarantine(quarantines)
    if all(quarantine.plan in (plan.digest, plan.digest + APPLIED) for quarantine in quarantines.values()):
        if plan.sent_known and tools.sent is None:
            raise PlanRefused("this plan was made with a list of sent mails: name it again with --sent-mails")
        return  # it was broken off, or is done again, and has changed the state itself
    if digest_of(tools.databases, tools.sent or ()) != plan.digest:
        raise PlanRefused("the databases, or the list of sent mails, have changed since this plan was made: plan again")


def _passes(tools: RecoveryContext) -> tuple[int, tuple[int, int, int, int]]:
    done = (0, 0, 0, 0)
    for number in range(MAX_PASSES):
        found = compare(tools.databases)
        if found.agrees:
            return number, done
        _require_written(tools, found)
        step = _pass(tools, found)
        done = (done[0] + step[0], done[1] + step[1], done[2] + step[2], done[3] + step[3])
        tools.settle()
    return MAX_PASSES, done


def _require_written(tools: RecoveryContext, found: Comparison) -> None:
    """Refuse to erase people who are not in the written file: only the copies contain their data."""
    if tools.may_erase is None:
        return
    living = {identity for identity, newest in found.lost.items() if not newest.erased}
    if late := living - tools.may_erase:
        raise PlanRefused(
            f"{len(late)} more registrations are lost, as messages show that have arrived since the plan was made: "
            "make another plan, run `troika recover people` with it and another file, and apply that one"
        )


def _pass(tools: RecoveryContext, found: Comparison) -> tuple[int, int, int, int]:
    databases, now = tools.databases, tools.clock()
    _forget(databases, found)
    programme.put_back_events(databases, found.events_behind, now)
    decisions.take_back_decisions(databases, found.decisions_behind, now)
    behind = list(found.behind.items())
    taken_back = registrations.take_back(databases, behind, now)
    registrations.count_seats(databases)
    erased = registrations.erase_again(databases, behind, tools.messages, now)
    removed = registrations.remove_lost(databases, found.lost.items(), now)
    published = _publish_again(tools, found)
    published += registrations.publish_states(databases, found, tools.messages, now)
    published += programme.publish_events(databases, found.event_copies_lagging, now)
    return taken_back - erased, erased, removed, published


def _forget(databases: ComparedDatabases, found: Comparison) -> None:
    """Delete inbox rows of messages that no producer has any more: their effects are compared by state."""
    for service in SERVICES:
        with databases.work(service).transaction() as connection:
            for consumer, identity in found.orphans[service]:
                connection.execute(_FORGET, {"consumer": consumer, "id": identity})


def _publish_again(tools: RecoveryContext, found: Comparison) -> int:
    done = 0
    for service, ids in found.unheard.items():
        with tools.databases.work(service).transaction() as connection:
            done += connection.execute(_PUBLISH, {"ids": list(ids), "now": tools.clock()}).rowcount
    return done


def _mark_mails(tools: RecoveryContext) -> int:
    databases, quarantines = tools.databases, tools.databases.quarantines()
    lost = mails.Outcomes(lost=[*mails.lost_links(databases).values()])
    ended = mails.mark(databases, lost, tools.clock())
    missing = len(mails.unknown_to_notifications(databases))
    if not is_restored(quarantines, missing):
        return ended
    mails.make_mails(databases, tools.clock, tools.mail_domain)
    since = quarantines[NOTIFICATIONS].since
    return ended + mails.mark(databases, mails.find_outcomes(databases, since, tools.sent), tools.clock())
