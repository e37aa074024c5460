"""Times at which something in the model changes by itself: histories visit just before, at, and just after them."""

from datetime import datetime

from tests.integration.model import retention
from tests.integration.model.reference_model import ReferenceModel
from tests.integration.model.rules import ANSWER_WAITS, HOUR


def transition_times(model: ReferenceModel, now: datetime) -> list[datetime]:
    """When something changes by itself, soonest first."""
    starts = [at for slug in model.forms if (at := model.event(slug)[1])]
    kept = {at for slug in model.forms for at in retention.transition_times(model.of(slug), model.event(slug)[1])}
    offers = {one["offer"] for one in model.people.values() if one["offer"] is not None}
    lapses = {one["lapses_at"] for one in model.people.values() if one["lapses_at"] is not None}
    found = {
        *starts,
        *offers,
        *lapses,
        *(at + ANSWER_WAITS for at in offers | lapses),
        *(at - HOUR for at in starts),
        *kept,
        *retention.clean_up_times(model),
    }
    return sorted(at for at in found if at > now)
