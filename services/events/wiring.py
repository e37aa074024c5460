"""Builds what the workers and the command line need; ``web`` beside it builds the application."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from services.events.attendance.store import erased_among
from services.events.cleanup import RULES
from services.events.consumers import effects
from services.events.rights import DESK, PUBLIC, RIGHTS
from services.events.settings import KEY_KINDS, EventsSettings, read_settings
from services.events.side_events.naming import SpeakerNaming
from services.events.side_events.reading import ProposalKeys
from shared.cli.settings import CONSUME, Service
from shared.db.unit_of_work import UnitOfWork
from shared.messaging.inbox import Effect
from shared.security.keys import KeyChecks

NAME = "events"
MIGRATIONS = Path(__file__).parent / "migrations"

WEB_PARTS = {
    PUBLIC: "Serve the public programme and its calendars.",
    DESK: "Serve the console and the API with a key.",
}


def describe() -> Service:
    """The service, for its command line."""
    return Service(
        name=NAME,
        migrations=MIGRATIONS,
        settings=lambda process: read_settings(process=process).common,
        rights=RIGHTS,
        key_kinds=KEY_KINDS,
        keys=lambda process, work: KeyChecks(work, read_settings(process=process).held_keys, NAME).faults,
        effects=_effects,
        web_parts=WEB_PARTS,
        rules=RULES,
        erased=erased_among,
        chores=_chores,
    )


def proposal_keys(settings: EventsSettings) -> ProposalKeys:
    """The keys of proposals that this kind of process holds."""
    return ProposalKeys(
        settings.events_keys, settings.proposal_keys, settings.notifications_key, settings.registration_key
    )


def _chores(work: UnitOfWork) -> Sequence[Callable[[], None]]:
    return (SpeakerNaming(work, proposal_keys(read_settings(process=CONSUME))).run_once,)


def _effects(_work: UnitOfWork) -> Mapping[str, Effect]:
    return effects(proposal_keys(read_settings(process=CONSUME)))
