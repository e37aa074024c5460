"""Builds the keys of proposals, for the web application and whoever closes contacts anew. No worker needs them."""

from services.events.settings import EventsSettings
from services.events.usecases.proposal_keys import ProposalKeys


def proposal_keys(settings: EventsSettings) -> ProposalKeys:
    """References, and what closes contacts."""
    return ProposalKeys(settings.proposal_keys, settings.notifications_key, settings.vault_keys)
