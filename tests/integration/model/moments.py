"""When something in the model changes by itself: histories come to just before, at, and just after it."""

from datetime import datetime

from tests.integration.model import keeping
from tests.integration.model.ledger import Ledger
from tests.integration.model.rules import ATTEMPTS_EVERY, HOUR, USE_SHOWN


def moments(ledger: Ledger, now: datetime) -> list[datetime]:
    """When something changes by itself, soonest first."""
    people = [who[name] for who in ledger.people.values() for name in ("hold_until", "expires_at") if who[name]]
    attempts = [who["attempted_at"] + ATTEMPTS_EVERY for who in ledger.people.values() if who["attempted_at"]]
    used = [who["verified_at"] + USE_SHOWN for who in ledger.people.values() if who["verified_at"]]
    starts = [at for slug in ledger.forms if (at := ledger.event(slug)[1])]
    kept = {at for slug in ledger.forms for at in keeping.moments(ledger.of(slug), ledger.event(slug)[1])}
    found = {*people, *attempts, *used, *starts, *(at - HOUR for at in starts), *kept}
    return sorted(at for at in found if at > now)
