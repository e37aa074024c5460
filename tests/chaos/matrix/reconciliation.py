"""After the cells: the system comes to rest, and the answers of the clients are compared with the data."""

from functools import partial

from deploy.shape import SERVICES
from tests.chaos.matrix.participants import ParticipantPool
from tests.chaos.matrix.proxied_stack import ProxiedStack
from tests.support.journal import Journal
from tests.support.waiting import poll_until

REST_WITHIN_S = 120.0
_UNPUBLISHED = "SELECT count(*) FROM outbox WHERE published_at IS NULL"
_UNSENT = "SELECT state, count(*)::int FROM mail WHERE state <> 'sent' GROUP BY state"
_SOON = "UPDATE mail SET due_at = now() WHERE state IN ('deferred', 'queued') AND due_at > now()"
_LIVE = "SELECT count(*)::int FROM registration WHERE status = 'confirmed'"
_COUNTED = "SELECT registrations FROM event_count WHERE status = 'confirmed'"
_UNDECIDED = "SELECT count(*)::int FROM submission WHERE state <> 'decided'"
_RECEIPTS = "SELECT encode(receipt_hash, 'hex') FROM submission WHERE kind = 'submission' ORDER BY 1"
_REGISTERED = 'SELECT email FROM registration ORDER BY email COLLATE "C"'
_MAILS = "SELECT message_id, unknowns FROM mail"


def settle(stack: ProxiedStack, pool: ParticipantPool) -> None:
    """Wait until every message has had its effect and every mail is out; retries are not waited for."""
    try:
        poll_until(partial(_at_rest, stack, pool), REST_WITHIN_S, every_s=0.5)
    except AssertionError:
        raise AssertionError(f"not at rest within {REST_WITHIN_S} s: {_restless(stack, pool)}") from None


def assert_reconciled(stack: ProxiedStack, pool: ParticipantPool, journal: Journal) -> None:
    """Nothing is lost and nothing is doubled after any fault.

    A submission is stored if and only if it was answered 202; a key has one receipt; a person is registered once if and
    only if they have confirmed; everyone has exactly the mails that are due; a mail has gone out twice only where its
    handover was recorded as unknown.
    """
    record = journal.read()
    assert record.contradictions == {}
    assert [row[0] for row in stack.sql("registration", _RECEIPTS)] == sorted(record.receipts)
    assert [row[0] for row in stack.sql("registration", _REGISTERED)] == pool.addresses()
    assert stack.sql("events", _COUNTED) == stack.sql("registration", _LIVE)
    assert pool.mails() == pool.due
    copies = stack.copies()
    mails = {str(row[0]): int(str(row[1])) for row in stack.sql("notifications", _MAILS)}
    assert set(mails) == set(copies)
    assert {name: copies[name] for name, unknowns in mails.items() if not 1 <= copies[name] <= 1 + unknowns} == {}


def _at_rest(stack: ProxiedStack, pool: ParticipantPool) -> bool:
    stack.sql("notifications", _SOON)
    return _restless(stack, pool) == {}


def _restless(stack: ProxiedStack, pool: ParticipantPool) -> dict[str, object]:
    """What is not at rest, by its name."""
    mails = pool.mails()
    counted, live = stack.sql("events", _COUNTED), stack.sql("registration", _LIVE)
    undecided = stack.sql("registration", _UNDECIDED)[0][0]
    found = {
        "undecided": undecided,
        "unpublished": {service: n for service in SERVICES if (n := stack.sql(service, _UNPUBLISHED)[0][0])},
        "mails not sent": {row[0]: row[1] for row in stack.sql("notifications", _UNSENT)},
        "counted and live": {} if counted == live else (counted, live),
        "mails had and due": {who: (mails[who], due) for who, due in pool.due.items() if mails[who] != due},
    }
    return {name: what for name, what in found.items() if what}
