"""A shadow of a proposal: what is written in place of one that is answered as if it were taken, and is not."""

import secrets
from dataclasses import replace

from services.events.domain.proposal import Proposal
from services.events.store.proposal_arrivals import Arrival


def unnamed(proposal: Proposal) -> Proposal:
    """``proposal`` with noise in place of the reference of whoever made it."""
    return replace(proposal, person_ref=_noise(proposal.person_ref))


def disguised(proposal: Proposal, arrival: Arrival) -> tuple[Proposal, Arrival]:
    """Both with noise in place of whatever says who made it or what they said, each as long as it was.

    The hash of the idempotency key and the fingerprint stay: a repetition is answered as at first.
    """
    silenced = replace(
        unnamed(proposal),
        title=_noise(proposal.title),
        summary=_noise(proposal.summary),
        organisation=proposal.organisation and _noise(proposal.organisation),
        speakers=tuple(_noise(speaker) for speaker in proposal.speakers),
    )
    contact, token_hash = (secrets.token_bytes(len(value)) for value in (arrival.contact, arrival.token_hash))
    speaker_names = arrival.speaker_names and secrets.token_bytes(len(arrival.speaker_names))
    return silenced, replace(arrival, contact=contact, speaker_names=speaker_names, token_hash=token_hash)


def _noise(text: str) -> str:
    """One word of as many bytes; drawn at once, so that a long text of short words costs no more than another."""
    size = len(text.encode())
    return secrets.token_hex((size + 1) // 2)[:size]
