"""How a batch is shared among the lanes: people who wait come first, and nobody is forgotten."""

from services.notifications.domain.kinds import LANES

GUARANTEED = 1
"""Places that a batch keeps for each later lane as long as something is due there, so that a rush starves nobody."""


def claim_plan(most: int) -> list[tuple[str, int]]:
    """Lanes in the order to claim from, each with the most to take; what stays unused passes to the second round.

    Args:
        most: mails in the batch. Too small for all lanes, it goes by urgency alone.
    """
    first, *later = LANES
    second_round = [(lane, most) for lane in LANES]
    if most <= GUARANTEED * len(later):
        return second_round
    return [(first, most - GUARANTEED * len(later)), *((lane, GUARANTEED) for lane in later), *second_round]
