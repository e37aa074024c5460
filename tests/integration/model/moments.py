"""Times at which something in the model changes by itself: histories visit just before, at, and just after them."""

from datetime import datetime

from tests.integration.model import keeping
from tests.integration.model.ledger import Ledger
from tests.integration.model.rules import HOUR


def moments(ledger: Ledger, now: datetime) -> list[datetime]:
    """When something changes by itself, soonest first."""
    starts = [at for slug in ledger.forms if (at := ledger.event(slug)[1])]
    kept = {at for slug in ledger.forms for at in keeping.moments(ledger.of(slug), ledger.event(slug)[1])}
    offers = {one["offer"] for one in ledger.people.values() if one["offer"] is not None}
    found = {*starts, *offers, *(at - HOUR for at in starts), *kept, *keeping.clean_up_moments(ledger)}
    return sorted(at for at in found if at > now)
