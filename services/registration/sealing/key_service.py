"""Make, replace and destroy the keys of forms, and compare them with the public keys in registration's database.

A private key is in the store before its public key is in the database, and the public key leaves the database before
the private key is deleted: after any interruption, no answer is sealed to a public key without its private key.

The public key of a form is in registration's database; its private key and its tombstone are in the store. A comparison
shows, to probes and operators, if one of the two was restored from an older backup, or belongs to another
installation.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from services.registration.sealing.encryption import public_half, reseal
from services.registration.sealing.key_store import FormKeys, KeyGone
from services.registration.sealing.store import (
    SEALED_TABLES,
    SealedRow,
    find_public_key,
    mark_destroyed,
    public_keys,
    publish_key,
    put_sealed,
    read_sealed_rows,
    replace_key,
)
from shared.db.readiness import read_database_time
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.clock import Clock
from shared.runtime.errors import SettingsError, Unavailable
from shared.runtime.metrics import key_wrong
from shared.security.audit_log import AuditRecord, add_audit_record
from shared.security.sealing import Unsealable

SETTLE_S = 120.0
"""Longer than any process seals to a public key after another has taken its place: form pages are kept for up to a
minute while the database is short of connections, and a request and its statement end within seconds."""

DECIDED_WITHIN_S = 15
"""How long a replacement waits for the decider, which is usually done within a second."""

AT_ONCE = 100


@dataclass(frozen=True, slots=True)
class KeyOrder:
    """A change of a form's key that an operator orders.

    Attributes:
        form: the slug of the form.
        who: the operator, for the audit log.
        clock: the clock of the process.
        is_lost: whether the old private key is lost; then what no key opens is lost with it and stops nothing.
        consent: who else agreed to the destruction of the key, or why no one had to; for the audit log.
    """

    form: str
    who: str
    clock: Clock
    is_lost: bool = False
    consent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SubmissionQueue:
    """What a change of a key has to know about future and undecided submissions, whose content is out of its reach.

    Attributes:
        is_open: a function that returns whether a form takes submissions at a time, or may take them later by itself.
        undecided: a function that returns how many submissions of a form, received until a time of the database's
            clock, are not decided.
        pause: a function that keeps the decider from working until the transaction ends.
    """

    is_open: Callable[[Connection, str, datetime], bool]
    undecided: Callable[[Connection, str, datetime], int]
    pause: Callable[[Connection], object]


class StillOpen(Exception):
    """The form takes submissions, whose answers are sealed to the key: it is kept."""


class SecondPersonNeeded(Exception):
    """Another person has to agree to the destruction of the key of this form: it is kept."""


class StillUndecided(Exception):
    """Number of undecided submissions that may be sealed to the old key: it is kept."""


@dataclass(slots=True)
class Resealed:
    """How many registrations and candidates were re-encrypted, and how many no key opens; those are left unchanged."""

    changed: int = 0
    lost: int = 0


def make_keys(work: UnitOfWork, keys: FormKeys, forms: Collection[str]) -> None:
    """Make private keys for those of ``forms`` that never had one; :func:`publish_keys` follows in a transaction.

    Raises:
        SettingsError: the database has a form's public key, and the store lacks its private key: another one must not
            replace it unnoticed; or the store has a tombstone of which the database has no record. Nothing was made.
    """
    with work.transaction() as connection:
        known = public_keys(connection)
    faults = faults_of(keys, {form: key for form, key in known.items() if form in forms})
    if faults:
        raise SettingsError(faults)
    for form in forms:
        if form not in known:
            keys.store.make(form)


def publish_keys(connection: Connection, keys: FormKeys, forms: Collection[str], now: datetime) -> None:
    """Store the public keys of those of ``forms`` that never had one; a key that was destroyed before is marked so.

    Raises:
        Unavailable: another host has published another key of a form concurrently; nothing was stored.
    """
    known = public_keys(connection)
    for form in forms:
        if form in known:
            continue
        if keys.store.is_destroyed(form):
            mark_destroyed(connection, form, now)
            continue
        public_key = public_half(keys.private_keys(form)[0])
        publish_key(connection, form, public_key, now)
        if find_public_key(connection, form) != public_key:
            raise Unavailable("another host has made another key of this form")


def replace_form_key(
    work: UnitOfWork,
    keys: FormKeys,
    order: KeyOrder,
    queue: SubmissionQueue,
    wait: Callable[[float], object],
    settle_s: float = SETTLE_S,
) -> Resealed:
    """Replace the key of a form while people register.

    The next run continues an interrupted one: until the end the store holds both private keys.

    Args:
        work: the unit of work on the service's database.
        keys: the private keys of all forms.
        order: the order, with the form and the operator.
        queue: the queue of submissions.
        wait: a function that waits for the given number of seconds.
        settle_s: a time longer than that between reading the public key and storing an answer sealed to it, seconds.

    Raises:
        KeyGone: the form has no key, or it is being destroyed.
        StillUndecided: submissions wait that may be sealed to the old key; run it again once they are decided.
        Unsealable: an answer opens by neither key, and the old one is not declared lost; both keys are kept.
    """
    if order.is_lost:
        keys.store.make(order.form)
    private_keys = keys.store.begin_replacement(order.form)
    public_key = public_half(private_keys[0])
    with work.transaction() as connection:
        replace_key(connection, order.form, public_key, order.clock())
        if find_public_key(connection, order.form) != public_key:
            raise KeyGone(order.form)
    wait(settle_s)
    _require_decided(work, order.form, queue, wait)
    done = Resealed()
    while (found := _reseal_all(work, order, queue, private_keys)).changed:
        done.changed += found.changed
    done.lost = found.lost
    with work.transaction() as connection:
        add_audit_record(connection, AuditRecord(order.who, "form-key-replaced", "form", order.form), order.clock())
    keys.store.end_replacement(order.form, private_keys)
    return done


def destroy_form_key(
    work: UnitOfWork, keys: FormKeys, order: KeyOrder, queue: SubmissionQueue, wait: Callable[[float], object]
) -> None:
    """Destroy the key of a form that is closed, once what waits is decided.

    None of its answers can be decrypted any longer.

    Args:
        work: the unit of work on the service's database.
        keys: the private keys of all forms.
        order: the order, with the form and the operator.
        queue: the queue of submissions; not read if the key was destroyed before, or the database knows of none.
        wait: a function that waits for the given number of seconds.

    Raises:
        KeyGone: it has none.
        SecondPersonNeeded: the order names no consent.
        StillOpen: close the form first.
        StillUndecided: submissions wait; run it again once they are decided.
    """
    now = order.clock()
    was_destroyed = keys.store.is_destroyed(order.form)
    with work.transaction() as connection:
        known = public_keys(connection)
        is_used = known.get(order.form) is not None and not was_destroyed
        if is_used and not order.consent:
            raise SecondPersonNeeded(order.form)
        if is_used and queue.is_open(connection, order.form, now):
            raise StillOpen(order.form)
    if is_used:
        _require_decided(work, order.form, queue, wait)
    with work.transaction() as connection:
        if is_marked := mark_destroyed(connection, order.form, now):
            add_audit_record(
                connection, AuditRecord(order.who, "form-key-destroyed", "form", order.form, order.consent), now
            )
    is_in_one_alone = order.form in known and not was_destroyed
    if not is_marked and not is_in_one_alone and not keys.has(order.form):
        raise KeyGone(order.form)
    keys.store.destroy(order.form, now.isoformat(timespec="seconds"))


def _require_decided(work: UnitOfWork, form: str, queue: SubmissionQueue, wait: Callable[[float], object]) -> None:
    """Wait a little until the decider has taken everything that was sealed to the old key."""
    with work.transaction() as connection:
        before = read_database_time(connection)
    for _ in range(DECIDED_WITHIN_S):
        with work.transaction() as connection:
            undecided = queue.undecided(connection, form, before)
        if not undecided:
            return
        wait(1)
    raise StillUndecided(undecided)


def _reseal_all(work: UnitOfWork, order: KeyOrder, queue: SubmissionQueue, private_keys: Sequence[bytes]) -> Resealed:
    """Process all candidates, then all registrations of a form, in short transactions.

    The decider is paused during each: it reads sealed answers and writes them again, into registrations too.
    """
    done = Resealed()
    for table in SEALED_TABLES:
        after: str | None = ""
        while after is not None:
            with work.transaction() as connection:
                queue.pause(connection)
                rows = read_sealed_rows(connection, table, order.form, after, AT_ONCE)
                resealed = _resealed(order, private_keys, rows, done)
                put_sealed(connection, table, resealed)
                done.changed += len(resealed)
            after = rows[-1].id if rows else None
    return done


def _resealed(
    order: KeyOrder, private_keys: Sequence[bytes], rows: Sequence[SealedRow], done: Resealed
) -> list[tuple[SealedRow, bytes]]:
    """Rows whose content keys are sealed to the old key, each with the value that takes its place."""
    found = []
    for row in rows:
        try:
            resealed = reseal(private_keys, order.form, row.sealed)
        except Unsealable:
            if not order.is_lost:
                raise
            done.lost += 1
            continue
        if resealed is not None:
            found.append((row, resealed))
    return found


def key_faults(work: UnitOfWork, keys: FormKeys) -> list[str]:
    """Return a sentence for each form whose answers are sealed to a key that this store does not hold."""
    with work.transaction() as connection:
        known = public_keys(connection)
    return faults_of(keys, known)


@dataclass(slots=True)
class StoreReadiness:
    """Whether the store of a process has passed a check since its start."""

    was_fit: bool = False


def key_problem(work: UnitOfWork, keys: FormKeys, service: str, readiness: StoreReadiness) -> str:
    """Return the same as one text, for a probe, and set the gauge of wrong keys; empty if all fit.

    While the store is down, a process whose store has passed a check stays ready: it cannot open sealed answers, and
    everything else works. A process whose store has never answered does not become ready.
    """
    with work.transaction() as connection:
        known = public_keys(connection)
    try:
        problem = keys.store.problem()
        faults = [f"form keys ({keys.store.variable}): {problem}"] if problem else faults_of(keys, known)
    except Unavailable:
        return "" if readiness.was_fit else f"form keys ({keys.store.variable}): the keys database does not answer"
    key_wrong.labels(service, "form").set(bool(faults))
    readiness.was_fit = not faults
    return "\n".join(faults)


def faults_of(keys: FormKeys, known: Mapping[str, bytes | None]) -> list[str]:
    """Return a sentence for each mismatch with ``known``: public keys by form, None for a destroyed one."""
    return [
        f"form key {form} ({keys.store.variable}): {fault}"
        for form, public_key in known.items()
        if (fault := _fault(keys, form, public_key))
    ]


def _fault(keys: FormKeys, form: str, public_key: bytes | None) -> str:
    """Why the store does not match ``public_key``, or its absence; empty if it does."""
    if public_key is None:
        if keys.has(form):
            return "it was destroyed, but its private key exists again: run keys destroy again"
        if not keys.store.is_destroyed(form):
            return "it was destroyed, but its tombstone is missing: run keys destroy again"
        return ""
    try:
        private_keys = keys.private_keys(form)
    except KeyGone:
        if keys.store.is_destroyed(form):
            return "it was destroyed, but this database has no record of it: run keys destroy again"
        return "its private key is missing, or no master key unwraps it: put it back (or see keys replace --lost)"
    if public_key not in map(public_half, private_keys):
        return "the store has a key that is not this database's: put the right one back (or see keys replace --lost)"
    return ""
