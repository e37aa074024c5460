"""Local wall time and UTC. A time that a zone skips or has twice is refused: a guess is an hour off."""

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from shared.core.errors import DomainError


@cache
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def is_zone(name: str) -> bool:
    """Whether ``name`` is in the IANA time zone database (``America/New_York``)."""
    return name in _known_zones()


def to_utc(local: datetime, zone_name: str) -> datetime:
    """The moment, in UTC, at which clocks in the zone show ``local`` (a datetime without a zone).

    Raises:
        DomainError: ``unknown-time-zone``; ``time-skipped`` when clocks go forward over it;
            ``time-ambiguous`` when clocks go back and show it twice.
    """
    zone = _zone(zone_name)
    first, second = (local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return first
    when = f"{local:%H:%M} on {local:%Y-%m-%d} in {zone_name}"
    if first.astimezone(zone).replace(tzinfo=None, fold=0) != local:
        raise DomainError("time-skipped", f"{when} does not exist: clocks go forward over it; choose another time")
    raise DomainError("time-ambiguous", f"{when} exists twice: clocks go back that day; choose another time")


def to_local(moment: datetime, zone_name: str) -> datetime:
    """What clocks in the zone show at ``moment`` (aware): a datetime without a zone.

    Raises:
        DomainError: ``unknown-time-zone``.
    """
    return moment.astimezone(_zone(zone_name)).replace(tzinfo=None, fold=0)


def _zone(name: str) -> ZoneInfo:
    if not is_zone(name):
        raise DomainError("unknown-time-zone", f"{name!r} is not an IANA time zone such as Europe/Zurich")
    return ZoneInfo(name)
