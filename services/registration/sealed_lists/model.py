"""Values of lists of sealed answers: what is asked for, what it would do, and what stands on a list now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.registration.forms.store import StoredForm
from services.registration.people.listing_store import PeopleFilter
from services.registration.sealed_lists.counting import Answers, CountTable
from services.registration.sealed_lists.purposes import Purpose
from services.registration.sealed_lists.store import SealedList
from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import Field


@dataclass(frozen=True, slots=True)
class ListRules:
    """What the operator has set.

    Attributes:
        kept: how long a list can be opened again.
        one_reader: nobody has to approve: the network has a single person who reads sealed answers.
    """

    kept: timedelta = timedelta(hours=24)
    one_reader: bool = False


@dataclass(frozen=True, slots=True)
class ListRequest:
    """What somebody wants to open.

    Attributes:
        purpose: name of one of the registry.
        chosen: names of questions, for the purpose ``custom``.
        names: whether names are shown; None leaves it to the purpose.
        wanted: which people, of one form.
        filters: the same in words for the log, without answers and searched words.
        reader: name of the key's holder.
    """

    purpose: str
    chosen: Sequence[str]
    names: bool | None
    wanted: PeopleFilter
    filters: dict[str, str]
    reason: str
    reader: str


@dataclass(frozen=True, slots=True)
class ListPlan:
    """What opening a list would do.

    Attributes:
        fields: the questions that are opened.
        people: ids of the registrations.
        without: how many others fit the filters and have given no sealed answer.
        with_names: whether names are shown.
        needs_second: whether a second person has to approve.
    """

    form: StoredForm
    definition: FormDefinition
    purpose: Purpose
    fields: tuple[Field, ...]
    people: Sequence[str]
    without: int
    with_names: bool
    needs_second: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """Somebody on a list, with opened answers; ``answers`` is None where they do not open."""

    registration_id: str
    name: str | None
    organisation: str | None
    working_group: str | None
    answers: Answers | None


@dataclass(frozen=True, slots=True)
class Contents:
    """An open list with what stands on it now; never stored.

    Attributes:
        entries: sorted; none where the list shows numbers alone.
        counts: numbers.
        matching: how many people the numbers are about.
        unreadable: how many have answers that do not open.
    """

    opened: SealedList
    form_title: str
    purpose: Purpose
    fields: tuple[Field, ...]
    entries: Sequence[Entry]
    counts: Sequence[CountTable]
    matching: int
    unreadable: int
