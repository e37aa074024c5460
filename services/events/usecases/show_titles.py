"""Titles by id, for pages and files that people read: of series, working groups, events, forms and partners."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.events.domain.event import EVERY_GROUP
from services.events.store import events, forms, network
from services.events.store.partner_copies import partner_names
from shared.i18n.content import Text
from shared.store.unit_of_work import UnitOfWork

EVERY_GROUP_TITLE = "All working groups"


@dataclass(frozen=True, slots=True)
class Titles:
    """English titles by id, of events that everybody sees alone; other ids stand for themselves."""

    series: Mapping[str, str]
    groups: Mapping[str, str]
    events: Mapping[str, str]
    forms: Mapping[str, str]
    partners: Mapping[str, str]

    def of(self, field: str, value: object) -> object:
        """``value`` of the ``field`` of an event or of a roster, with titles in place of ids, and texts in English."""
        if isinstance(value, Mapping):
            return str(Text.of(value))
        known = self._by_field().get(field)
        if known is None:
            return " ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(value, list):
            return "; ".join(known.get(one, one) for one in value)
        return known.get(value, value) if isinstance(value, str) else value

    def _by_field(self) -> Mapping[str, Mapping[str, str]]:
        return {
            "series": self.series,
            "asked_groups": {**self.groups, EVERY_GROUP: EVERY_GROUP_TITLE},
            "working_group": self.groups,
            "form": self.forms,
            "attend": self.events,
            "partner": self.partners,
        }


def show_titles(work: UnitOfWork) -> Titles:
    """The titles of everything that has one.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        return Titles(
            series={one.id: str(one.title) for one in network.all_series(connection)},
            groups={one.id: str(one.title) for one in network.all_working_groups(connection)},
            events={name: str(title) for name, title in events.public_titles(connection).items()},
            forms={one.id: str(one.title) or one.id for one in forms.all_forms(connection)},
            partners=partner_names(connection),
        )
