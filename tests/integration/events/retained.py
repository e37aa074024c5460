"""Proposals that were decided on, how long they may be kept, and what is left of them."""

from datetime import timedelta

from tests.integration.events.side_events import Desk
from tests.support.clients import rows

SECOND = timedelta(seconds=1)
SPEAKERS, WHOLE, UNDECIDED = timedelta(days=14), timedelta(days=90), timedelta(days=365)
ANSWERS = {"speakers": "Ana\nBo", "unavailable_days": ["2020-05-07"]}
SAYS_ERASED = "SELECT subject FROM outbox WHERE type = 'org.troika.proposal.erased.v1' ORDER BY id"


def kept(database: str) -> list[tuple[bool, bool, bool, bool]]:
    """(has the speakers' names, their references, days on which they cannot, is somebody's) of each proposal."""
    found = rows(
        database,
        """SELECT speaker_names IS NOT NULL, speakers <> '{}', unavailable_on <> '{}', contact IS NOT NULL
        FROM proposal ORDER BY id""",
    )
    return [tuple(row) for row in found]


ALL, PERSON, NOBODY = (True, True, True, True), (False, False, False, True), (False, False, False, False)


def decided(desk: Desk, verb: str = "decline", title: str = "Housing") -> str:
    """A proposal on which was decided just now."""
    proposal = desk.propose(title, **ANSWERS)
    assert desk.decide(proposal, verb, "A note.").status_code == 200
    return proposal
