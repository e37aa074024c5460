"""Show the form by which a side event is proposed, and in whose page."""

from dataclasses import dataclass

from services.events.domain.partner import Partner
from services.events.domain.rules import slug_rule
from services.events.store import network, partners, rooms
from shared.public_forms.definition import FormDefinition
from shared.public_forms.proposal import proposal_form
from shared.store.unit_of_work import UnitOfWork


@dataclass(frozen=True, slots=True)
class ShownForm:
    """The questions, and the partner in whose page they are asked; None where it is nobody's or nobody knows it."""

    definition: FormDefinition
    partner: Partner | None


def show_proposal_form(work: UnitOfWork, partner: str = "") -> ShownForm:
    """The form, with the working groups there are and the days on which there are slots.

    Args:
        partner: slug, as somebody claims it.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        groups = [(group.id, group.title) for group in network.all_working_groups(connection)]
        days = sorted({slot.on for slot in rooms.all_slots(connection)})
        found = None if slug_rule("partner", partner) else partners.find(connection, partner)
    return ShownForm(proposal_form(groups, days), found)
