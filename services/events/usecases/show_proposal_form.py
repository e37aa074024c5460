"""Show the form by which a side event is proposed."""

from services.events.store import network, rooms
from shared.forms.definition import FormDefinition
from shared.forms.proposal import proposal_form
from shared.store.unit_of_work import UnitOfWork


def show_proposal_form(work: UnitOfWork) -> FormDefinition:
    """The form, with the working groups there are and the days on which there are slots.

    Raises:
        Unavailable: the database is away.
    """
    with work.transaction() as connection:
        groups = [(group.id, group.title) for group in network.all_working_groups(connection)]
        days = sorted({slot.on for slot in rooms.all_slots(connection)})
    return proposal_form(groups, days)
