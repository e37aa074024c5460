"""Whether the store of private keys matches the public keys in registration's database, for probes and operators.

The public key of a form is in registration's database; its private key and its tombstone are in the store. A comparison
shows if one of the two was restored from an older backup, or belongs to another installation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from services.registration.sealing.encryption import public_half
from services.registration.sealing.form_keys import FormKeys, KeyGone
from services.registration.sealing.store import public_keys
from shared.core.errors import Unavailable
from shared.core.metrics import key_wrong
from shared.store.unit_of_work import UnitOfWork


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

    While the store is away, a process whose store has passed a check stays ready: it cannot open sealed answers, and
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
            return "it was destroyed, and its private key is back: run keys destroy again"
        if not keys.store.is_destroyed(form):
            return "it was destroyed, and its tombstone is missing: run keys destroy again"
        return ""
    try:
        private_keys = keys.private_keys(form)
    except KeyGone:
        if keys.store.is_destroyed(form):
            return "it was destroyed, and this database has no record: run keys destroy again"
        return "its private key is missing, or no master key unwraps it: put it back (or see keys replace --lost)"
    if public_key not in map(public_half, private_keys):
        return "the store holds another key than this database's: put the right one back (or see keys replace --lost)"
    return ""
