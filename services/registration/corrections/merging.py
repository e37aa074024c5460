"""Merge two registrations of one person on one form: one stays, with the answers that a coordinator has chosen."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from sqlalchemy import text

from services.registration.corrections.model import (
    HISTORY,
    MERGING,
    REFUSALS,
    CheckedAnswers,
    check_answers,
    correctable,
    current_answers,
)
from services.registration.corrections.service import CorrectionDesk, FaultyAnswers, require_result
from services.registration.intake.form_view import FormView
from services.registration.intake.items import MERGE, DeskCommand
from services.registration.intake.model import Result
from services.registration.own.answers import Difference
from services.registration.people.listing import PersonView, show_person
from services.registration.people.model import LIVE
from services.registration.people.store import PERSON, Person, to_person
from shared.core.errors import DomainError
from shared.public_forms.addresses import address_key
from shared.public_forms.rendering import answers_for_display

EMAIL, SEALED = "email", "sealed"
"""What can be taken of the other registration beside its answers."""

MAX_FOUND = 20

_LIKE = text(
    PERSON
    + """WHERE r.form = :form AND r.id <> CAST(:id AS uuid) AND r.status <> 'cancelled' AND r.erased_at IS NULL
        AND (r.person_ref = decode(:ref, 'hex') OR folded(r.name) = folded(:name)
            OR (:q <> '' AND (starts_with(lower(r.email), lower(:q)) OR position(folded(:q) IN folded(r.name)) > 0)))
    ORDER BY r.id LIMIT :most"""
)


@dataclass(frozen=True, slots=True)
class MergeWanted:
    """Attributes:
    kept, other: (id, revision seen) of the registration that stays, and of the one that ends.
    taken: questions whose answers those of ``other`` are kept of; ``EMAIL`` and ``SEALED`` beside them.
    by: name of the coordinator's key.
    """

    kept: tuple[str, int]
    other: tuple[str, int]
    taken: Collection[str]
    by: str


@dataclass(frozen=True, slots=True)
class Pair:
    """Two registrations that can be merged.

    Attributes:
        differs: what differs, by name: as text of the one that stays (``before``) and of the other (``after``).
        both_sealed: both have sealed answers.
    """

    kept: PersonView
    other: PersonView
    form: FormView
    differs: dict[str, Difference]
    both_sealed: bool

    @property
    def effects(self) -> Sequence[str]:
        """What merging does, in sentences."""
        return (
            "The other registration ends without a mail, its links end, and its place is given back.",
            "One mail, with a link, goes to the address that stays. Tags and notes of both stay.",
        )


def find_alike(desk: CorrectionDesk, view: PersonView, q: str) -> list[Person]:
    """Live registrations on the same form with the same address or name, or found by ``q``."""
    registration = view.person.registration
    values = {"form": registration.form, "id": registration.id, "ref": registration.person_ref}
    with desk.work.transaction() as connection:
        found = connection.execute(_LIKE, {**values, "name": view.person.name or "", "q": q, "most": MAX_FOUND})
        return [to_person(row) for row in found]


def find_namesakes(desk: CorrectionDesk, form: str, name: str, email: str) -> list[Person]:
    """Live registrations on a form with this name or address: of a person who may be about to be entered twice."""
    values = {"form": form, "id": str(UUID(int=0)), "ref": "", "name": name, "q": email, "most": MAX_FOUND}
    with desk.work.transaction() as connection:
        return [to_person(row) for row in connection.execute(_LIKE, values)]


def pair_of(desk: CorrectionDesk, one: str, another: str) -> Pair:
    """Two registrations of a form; the one with the better place, or the older one, is the one that stays.

    Raises:
        DomainError: ``not-found``, ``no-place``: one has ended, or they are on two forms.
    """
    views = sorted((show_person(desk.work, identity) for identity in (one, another)), key=_rank)
    kept, other = views
    live = all(view.person.registration.status in LIVE for view in views)
    if not live or kept.form.slug != other.form.slug or one == another:
        raise DomainError(*REFUSALS[Result.GONE])
    form = desk.form_view(kept.form.slug)
    return Pair(kept, other, form, _differences(form, kept.person, other.person), _both_sealed(kept, other))


def _rank(view: PersonView) -> tuple[bool, str]:
    registration = view.person.registration
    return registration.status != "confirmed", registration.id


def _both_sealed(kept: PersonView, other: PersonView) -> bool:
    return kept.person.has_sealed and other.person.has_sealed


def _differences(form: FormView, kept: Person, other: Person) -> dict[str, Difference]:
    found = {}
    if address_key(kept.email) != address_key(other.email):
        found[EMAIL] = Difference("E-mail address", kept.email, other.email)
    before, after = current_answers(kept), current_answers(other)
    for field in correctable(form.whole, before).fields:
        if before.get(field.name) != after.get(field.name):
            alone = replace(form.whole, fields=(field,))
            texts = [next((text for _, text in answers_for_display(alone, one, "en")), "") for one in (before, after)]
            found[field.name] = Difference(field.label.in_language("en"), *texts)
    return found


def merge(desk: CorrectionDesk, wanted: MergeWanted) -> Person:
    """Merge two registrations; returns the one that stays.

    Raises:
        DomainError: as :func:`pair_of`; ``unknown-parameter``: something is to be taken that does not differ;
            ``undecided``, or what the decider refused, see ``REFUSALS``.
        FaultyAnswers: the chosen answers do not fit together.
    """
    pair = pair_of(desk, wanted.kept[0], wanted.other[0])
    if pair.kept.person.registration.id != wanted.kept[0]:
        raise DomainError(*REFUSALS[Result.SEAT_LOST])
    if unknown := set(wanted.taken) - set(pair.differs) - {SEALED}:
        raise DomainError("unknown-parameter", f"take: {', '.join(sorted(unknown))}: it does not differ")
    checked = _chosen(pair, wanted.taken)
    kept, source = pair.kept.person, pair.other.person if EMAIL in wanted.taken else pair.kept.person
    form = replace(pair.form, definition=checked.definition)
    answers = replace(checked.answers, values={**checked.answers.values, EMAIL: source.email})
    values = {
        "kept": {"id": wanted.kept[0], "revision": wanted.kept[1]},
        "other": {"id": wanted.other[0], "revision": wanted.other[1]},
        "fields": [field.name for field in checked.definition.fields],
        "sealed_of_other": SEALED in wanted.taken,
        "reason": HISTORY["merge", MERGING],
    }
    receipt = desk.intake.desk(form, answers, DeskCommand(MERGE, wanted.by, kept.registration.language, values))
    require_result(desk, receipt, Result.MERGED)
    return show_person(desk.work, wanted.kept[0]).person


def _chosen(pair: Pair, taken: Collection[str]) -> CheckedAnswers:
    before, after = current_answers(pair.kept.person), current_answers(pair.other.person)
    wanted = {name: after.get(name) for name in taken if name not in (EMAIL, SEALED)}
    checked = check_answers(correctable(pair.form.whole, before), before, wanted)
    if not checked.answers.ok:
        raise FaultyAnswers(checked.answers)
    return checked
