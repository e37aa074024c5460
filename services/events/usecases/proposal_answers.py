"""The answers of the proposal form as a proposal has them, and back again, so that they can be shown once more."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from services.events.domain.proposal import Proposal
from services.events.usecases.proposal_keys import ProposalKeys


def content_in(keys: ProposalKeys, values: Mapping[str, Any], language: str) -> dict[str, Any]:
    """The fields of a proposal that the answers decide.

    Args:
        keys: turn people into references.
        values: checked answers of the proposal form.
        language: of the page, unless an answer names another.
    """
    return {
        "title": values["title"],
        "summary": values.get("summary", ""),
        "working_group": values.get("working_group"),
        "organisation": values.get("organisation"),
        "language": str(values.get("language") or language),
        "attendance": int(values["attendance"]),
        "speakers": tuple(dict.fromkeys(keys.speaker_ref(name) for name in speakers_in(values.get("speakers", "")))),
        "preferred_on": days_in(values.get("preferred_days")),
        "unavailable_on": days_in(values.get("unavailable_days")),
        "person_ref": keys.person_ref(values["email"]),
    }


def contact_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """What of the answers is stored closed: ``{name, address, speakers}``."""
    return {"name": values["name"], "address": values["email"], "speakers": speakers_in(values.get("speakers", ""))}


def answers_of(proposal: Proposal, contact: Mapping[str, Any]) -> dict[str, Any]:
    """The answers that make ``proposal`` with its opened ``contact``; what was left out is left out."""
    answers = {
        "name": contact["name"],
        "email": contact["address"],
        "organisation": proposal.organisation,
        "working_group": proposal.working_group,
        "title": proposal.title,
        "summary": proposal.summary,
        "speakers": "\n".join(contact["speakers"]),
        "attendance": proposal.attendance,
        "preferred_days": [day.isoformat() for day in proposal.preferred_on],
        "unavailable_days": [day.isoformat() for day in proposal.unavailable_on],
        "language": proposal.language,
    }
    return {name: value for name, value in answers.items() if value}


def speakers_in(answer: str) -> list[str]:
    """The names in a text that has one on each line."""
    return [name for line in answer.splitlines() if (name := " ".join(line.split()))]


def days_in(answer: list[str] | None) -> tuple[date, ...]:
    """The days among the choices of a form, which are ISO 8601."""
    return tuple(date.fromisoformat(day) for day in answer or ())
