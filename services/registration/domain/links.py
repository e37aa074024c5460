"""How long the links of a registration open something."""

from datetime import datetime, timedelta

from services.registration.domain.opening import Opening


def own_link_ends_at(opening: Opening, status: str, kept: timedelta, changed_at: datetime) -> datetime | None:
    """From when on a person's own link opens nothing; None while that cannot be said.

    It lasts as long as there is something behind it to see or to take back: for an event until the data are no longer
    kept, without one (a working group) for as long as the registration stands, and then as long as the data do.

    Args:
        opening: of the form.
        status: of the registration.
        kept: how long after the last day people are erased.
        changed_at: when the registration last changed.
    """
    last = opening.ends_at or opening.starts_at
    if opening.needs_event:
        return last + kept if last is not None and opening.event_status != "postponed" else None
    return changed_at + kept if status == "cancelled" else None
