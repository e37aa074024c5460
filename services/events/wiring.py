"""Builds what the workers and the command line need; ``web`` beside it builds the application."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from services.events.cleanup import RULES
from services.events.messaging import effects
from services.events.rights import RIGHTS
from services.events.settings import KEY_KINDS, read_settings
from services.events.store.proposal_arrivals import forget_receipts
from services.events.store.roster import erased_among
from services.events.usecases.forget_unverified import forget_unverified
from services.events.usecases.retain_proposals import retaining
from shared.forms.used_challenges import forget_challenges
from shared.process.service import Service
from shared.store.key_checks import KeyChecks
from shared.store.unit_of_work import UnitOfWork

NAME = "events"
MAX_RECEIPTS_A_TURN = 5000
MIGRATIONS = Path(__file__).parent / "migrations"


def describe() -> Service:
    """The service, for its command line."""
    return Service(
        name=NAME,
        migrations=MIGRATIONS,
        settings=lambda process: read_settings(process=process).common,
        rights=RIGHTS,
        key_kinds=KEY_KINDS,
        keys=lambda process, work: KeyChecks(work, read_settings(process=process).held_keys, NAME).faults,
        effects=effects,
        rules=RULES,
        forget=_housekeeping(),
        erased=erased_among,
    )


def _housekeeping() -> Callable[[UnitOfWork, datetime], None]:
    kept = retaining()

    def keep_house(work: UnitOfWork, now: datetime) -> None:
        with work.transaction() as connection:
            forget_challenges(connection, now)
            forget_receipts(connection, now, MAX_RECEIPTS_A_TURN)
        forget_unverified(work, now)
        kept.turn(work, now)

    return keep_house
