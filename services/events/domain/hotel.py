"""A hotel block: rooms that are kept for the delegation until a day."""

from dataclasses import dataclass
from datetime import date

from services.events.domain.event import is_web_address
from services.events.domain.rules import BrokenRule, enforce, number_rule, slug_rule, text_rule


@dataclass(frozen=True, slots=True, kw_only=True)
class HotelBlock:
    """Rooms in one hotel. ``book_until`` is the last day in the hotel's own zone; ``note`` is for coordinators.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    name: str
    city: str
    rooms: int
    url: str | None = None
    booking_code: str | None = None
    book_until: date | None = None
    note: str = ""

    def __post_init__(self) -> None:
        wrong_url = self.url is not None and not is_web_address(self.url)
        code = self.booking_code
        enforce(
            (
                slug_rule("id", self.id),
                text_rule("name", self.name, least=1, most=200),
                text_rule("city", self.city, least=1, most=200),
                text_rule("note", self.note, least=0, most=2000),
                number_rule("rooms", self.rooms, least=1),
                None if code is None else text_rule("booking_code", code, least=1, most=80),
                BrokenRule("url", "not-a-web-address", "must begin with https://") if wrong_url else None,
            )
        )
