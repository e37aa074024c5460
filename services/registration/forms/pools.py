"""Seats that are kept for some people: for a working group, for who came through a partner, for representatives.

A reservation is a *minimum* number of seats for the people it is for. Every matching person with a seat counts,
however they got it, so a changed answer moves no one's seat: it only changes how many seats are still kept. A cap on
the share of one mail domain is the opposite: the *maximum* number of seats for its people.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal

ReservedFor = Literal["working_group", "partner", "representative"]
RESERVED_FOR: tuple[ReservedFor, ...] = ("working_group", "partner", "representative")

MAX_RESERVATIONS = 50


@dataclass(frozen=True, slots=True)
class Traits:
    """What decides which reserved seats a person may take.

    Attributes:
        domain: the reference of the domain of their address; empty for a mail provider, which has no cap.
    """

    working_group: str | None = None
    partner: str | None = None
    representative: bool = False
    domain: bytes = b""


NO_TRAITS = Traits()
"""Traits that match no reservation."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """Seats that are reserved for some people.

    Attributes:
        reserved_for: what the people have in common.
        value: the slug of the working group or the partner; empty for representatives.
        seats: the number of seats that are kept for them.
        until: the time at which the remaining seats become free for everyone; None for no end.
    """

    reserved_for: ReservedFor
    value: str
    seats: int
    until: datetime | None = None

    def matches(self, who: Traits) -> bool:
        """Whether ``who`` may take one of these seats."""
        if self.reserved_for == "representative":
            return who.representative
        return self.value == (who.working_group if self.reserved_for == "working_group" else who.partner)


@dataclass(frozen=True, slots=True)
class Pool:
    """A reservation, and who matches it.

    Attributes:
        taken: people with a seat, or with an offer of one.
        waiting: people in line.
    """

    reservation: Reservation
    taken: int = 0
    waiting: int = 0

    @property
    def left(self) -> int:
        """Seats that are still kept."""
        return max(0, self.reservation.seats - self.taken)

    def is_open_to(self, who: Traits) -> bool:
        """Whether a seat is kept that ``who`` may take."""
        return self.left > 0 and self.reservation.matches(who)


@dataclass(frozen=True, slots=True)
class Pools:
    """All reservations of a form, and its cap on mail domains.

    Attributes:
        domain_percent: the largest share of the seats that one mail domain may have; None for no cap.
        domains: people with a seat or an offer, by the reference of their domain.
    """

    pools: tuple[Pool, ...] = ()
    domain_percent: int | None = None
    domains: Mapping[bytes, int] = field(default_factory=dict)

    def __bool__(self) -> bool:
        """Whether it matters who a person is."""
        return bool(self.pools) or self.domain_percent is not None

    @property
    def kept(self) -> int:
        """Seats that are kept, for whomever."""
        return sum(pool.left for pool in self.pools)

    def kept_from(self, who: Traits) -> int:
        """Seats reserved for others than ``who``; 0 if a seat is reserved for ``who``."""
        return 0 if any(pool.is_open_to(who) for pool in self.pools) else self.kept

    def domain_limit(self, capacity: int) -> int | None:
        """How many seats one domain may have, at least 1; None for no cap."""
        return None if self.domain_percent is None else max(1, capacity * self.domain_percent // 100)

    def has_domain_room(self, who: Traits, capacity: int) -> bool:
        """Whether the domain of ``who`` has not had its share yet."""
        limit = self.domain_limit(capacity)
        return limit is None or not who.domain or self.domains.get(who.domain, 0) < limit

    def changed(self, who: Traits, *, taken: int = 0, waiting: int = 0) -> "Pools":
        """The pools after adding ``taken`` people with a seat and ``waiting`` people who wait, all like ``who``."""
        if not self:
            return self
        pools = tuple(
            replace(pool, taken=pool.taken + taken, waiting=pool.waiting + waiting)
            if pool.reservation.matches(who)
            else pool
            for pool in self.pools
        )
        domains = self.domains
        if taken and who.domain and self.domain_percent is not None:
            domains = {**domains, who.domain: domains.get(who.domain, 0) + taken}
        return replace(self, pools=pools, domains=domains)


def reservations_to_json(reservations: Sequence[Reservation]) -> list[dict[str, Any]]:
    """As they are stored and sent."""
    return [
        {
            "reserved_for": reservation.reserved_for,
            "value": reservation.value,
            "seats": reservation.seats,
            "until": None if reservation.until is None else reservation.until.isoformat(),
        }
        for reservation in reservations
    ]


def reservations_from_json(stored: Sequence[Mapping[str, Any]]) -> tuple[Reservation, ...]:
    """The same, read."""
    return tuple(Reservation(row["reserved_for"], row["value"], row["seats"], _instant(row["until"])) for row in stored)


def read_pools(
    reservations: Sequence[Mapping[str, Any]], domain_percent: int | None, counts: Mapping[str, Any] | None
) -> Pools:
    """The pools as the database counts them: ``{"pools": [[taken, waiting], …], "domains": {"<hex>": taken}}``."""
    if counts is None:
        return Pools()
    kept = zip(reservations_from_json(reservations), counts["pools"], strict=True)
    pools = tuple(Pool(reservation, taken, waiting) for reservation, (taken, waiting) in kept)
    domains = {bytes.fromhex(domain): taken for domain, taken in (counts["domains"] or {}).items()}
    return Pools(pools, domain_percent, domains)


def _instant(value: str | None) -> datetime | None:
    return None if value is None else datetime.fromisoformat(value)
