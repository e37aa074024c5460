"""What coordinators note about an event, for each other: appended, never changed, and it never leaves the service."""

from dataclasses import dataclass
from datetime import datetime

from services.events.domain.rules import enforce, slug_rule, text_rule

MOST_CHARACTERS = 4000


@dataclass(frozen=True, slots=True)
class EventNote:
    """One note. ``id`` is a UUID (text), ``written_by`` the name of a key, ``written_at`` aware.

    Raises:
        RulesBroken: on construction, with every rule that does not hold.
    """

    id: str
    event_id: str
    words: str
    written_by: str
    written_at: datetime

    def __post_init__(self) -> None:
        enforce((slug_rule("event_id", self.event_id), text_rule("words", self.words, least=1, most=MOST_CHARACTERS)))
