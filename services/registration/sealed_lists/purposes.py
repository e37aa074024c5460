"""Purposes of reading sealed answers: a closed registry, each with only the answers that it needs.

Also the numbers from opened answers: tables of counts, without a name. Pure.

The names of questions are those of the standard forms (``services/registration/forms/standard``). A form serves a
purpose if it asks the questions that the purpose needs, under these names and of these kinds. A form with other
questions is read by the purpose ``custom``, for which the reader chooses questions.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from typing import Any

from shared.public_forms.definition import FormDefinition
from shared.public_forms.fields import Field, folded

Answers = Mapping[str, Any]
"""Of one person, by field, as JSON carries them; what was not answered is left out."""

MAX_DAYS = 366
"""Of one table: a day mistyped by a century must not create a table of 36,000 rows."""

MAX_ROWS = 500
OTHER = "All others"


@dataclass(frozen=True, slots=True)
class CountTable:
    """A table of counts.

    Attributes:
        name: the name for programs.
        title: the title of the table.
        columns: the (name for programs, words) of each column; the first one holds what is counted by.
        rows: one value for each column.
    """

    name: str
    title: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]


Count = Callable[[Mapping[str, Field], Sequence[Answers]], Iterable[CountTable]]
"""Makes the tables of a purpose from the questions by name and everyone's answers."""


def by_day(_: Mapping[str, Field], people: Sequence[Answers]) -> Iterable[CountTable]:
    """Who arrives, who leaves, and who is there, for each day from the first arrival to the last departure.

    A person who has given only one of the two days counts as present on that day only.
    """
    days = [(_day(person, "arrives_on"), _day(person, "leaves_on")) for person in people]
    first, last = Counter(begins for begins, _ in days if begins), Counter(ends for _, ends in days if ends)
    from_day = Counter(begins or ends for begins, ends in days if begins or ends)
    to_day = Counter(ends or begins for begins, ends in days if begins or ends)
    present, rows = 0, []
    for day in _span(first.keys() | last.keys()):
        present += from_day[day]
        rows.append((day.isoformat(), first[day], last[day], present))
        present -= to_day[day]
    columns = (("day", "Day"), ("arriving", "Arriving"), ("leaving", "Leaving"), ("present", "Present on that day"))
    yield CountTable("days", "By day", columns, tuple(rows))


def by_night(fields: Mapping[str, Field], people: Sequence[Answers]) -> Iterable[CountTable]:
    """How many chose each hotel, and how many of them sleep there in each night.

    A night is named after the day on which it begins. Each person is counted for one room.
    """
    yield from by_answer("hotel")(fields, people)
    nights: dict[str, Counter[date]] = {}
    undated = 0
    for person in people:
        if not _nights(fields, person):
            continue
        slept = nights_of(fields, person)
        undated += not slept
        nights.setdefault(str(person["hotel"]), Counter()).update(slept)
    hotels = [(value, text) for value, text in _words(fields["hotel"]) if value in nights]
    rows = [
        (night.isoformat(), *(nights[value][night] for value, _ in hotels))
        for night in _span({night for counter in nights.values() for night in counter})
    ]
    columns = (("night", "Night of"), *((value, text) for value, text in hotels))
    yield CountTable("nights", "Rooms by night", columns, tuple(rows))
    if undated:
        yield CountTable("undated", "Rooms without an arrival day", (("rooms", "Rooms"),), ((undated,),))


def nights_of(fields: Mapping[str, Field], one: Answers) -> list[date]:
    """The nights in which a person needs a room; none if they have not given the first day."""
    begins = _day(one, "arrives_on")
    if begins is None:
        return []
    max_nights = (date.max - begins).days + 1  # the answer to a question without limits
    return [begins + timedelta(days=night) for night in range(min(_nights(fields, one), max_nights))]


def by_answer(*names: str) -> Count:
    """Count how many gave each answer to each of the questions ``names``, the most frequent first."""

    def count(fields: Mapping[str, Field], people: Sequence[Answers]) -> Iterable[CountTable]:
        for name in names:
            if name in fields:
                yield _answers_to(fields[name], people)

    return count


def of_chosen(fields: Mapping[str, Field], people: Sequence[Answers]) -> Iterable[CountTable]:
    """Count answers to what can be chosen; for free texts, which differ from person to person, only their number."""
    for field in fields.values():
        if field.kind.max_length is None:
            yield _answers_to(field, people)
    given = [
        (field.label.in_language("en"), sum(field.name in answers for answers in people))
        for field in fields.values()
        if field.kind.max_length is not None
    ]
    if given:
        yield CountTable("texts", "Texts", (("question", "Question"), ("people", "Answered by")), tuple(given))


def _answers_to(field: Field, people: Sequence[Answers]) -> CountTable:
    spelt: dict[str, str] = {}
    counted: Counter[str] = Counter()
    for answers in people:
        for text in _texts(field, answers.get(field.name)):
            words = folded(text).rstrip(".")
            spelt.setdefault(words, " ".join(text.split()))
            counted[words] += 1
    shown = counted.most_common(MAX_ROWS)
    rows: list[tuple[Any, ...]] = [(spelt[words], number) for words, number in shown]
    if rest := counted.total() - sum(number for _, number in shown):
        rows.append((OTHER, rest))
    columns = (("answer", "Answer"), ("people", "People"))
    return CountTable(field.name, field.label.in_language("en"), columns, tuple(rows))


def _texts(field: Field, value: Any) -> list[str]:
    """The words of an answer; of each choice where several can be made."""
    if value is None:
        return []
    values = [[item] for item in value] if field.kind.data_type == "list" and isinstance(value, list) else [value]
    return [text for value in values if (text := field.kind.display(field, value, "en"))]


def _words(field: Field) -> list[tuple[str, str]]:
    return [(str(value), text) for value, text in field.kind.choices(field, "en")]


def _nights(fields: Mapping[str, Field], one: Answers) -> int:
    """How many nights a person needs a room for; where the form does not ask, from the first day to the last."""
    if "hotel" not in one:
        return 0
    if "hotel_nights" in fields:
        number = one.get("hotel_nights")
        return min(int(number), MAX_DAYS) if isinstance(number, int | float) and number > 0 else 0
    first, last = _day(one, "arrives_on"), _day(one, "leaves_on")
    return min((last - first).days, MAX_DAYS) if first and last and last > first else 0


def _day(one: Answers, name: str) -> date | None:
    try:
        return date.fromisoformat(one.get(name) or "")
    except (ValueError, TypeError):
        return None


def _span(days: Iterable[date]) -> list[date]:
    """Every day from the first to the last; if they are more than a year apart, only those two days."""
    known = sorted(days)
    if not known:
        return []
    length = (known[-1] - known[0]).days + 1
    return known if length > MAX_DAYS else [known[0] + timedelta(days=number) for number in range(length)]


CUSTOM, EVERYTHING = "custom", "everything"


class Names(Enum):
    """Whether the names of people are shown beside their answers."""

    ALWAYS = "always"
    """The list is useless without names."""
    USUALLY = "usually"
    """Unless the reader asks for numbers only."""
    ON_REQUEST = "on-request"
    """Numbers only, unless the reader asks for names."""

    def wanted(self, *, asked: bool | None) -> bool:
        """Return whether names are shown, by what the reader asked for (None: nothing)."""
        if self is Names.ALWAYS:
            return True
        return asked if asked is not None else self is Names.USUALLY


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class Purpose:
    """A reason for which answers are opened together. Every attribute is required.

    Attributes:
        name: the name in addresses, the log and the public interface.
        title: the name for people.
        about: one sentence on what the list is for.
        needs: the kinds by the name of the question; a form without one of them does not serve the purpose.
        also: the names of questions that are opened where the form asks them.
        concerns: whether a person with these answers belongs on the list.
        names: whether names are shown beside the answers.
        order: the key by which the list is sorted.
        count: a function that makes the counts.
    """

    name: str
    title: str
    about: str
    needs: Mapping[str, Sequence[str]]
    also: Sequence[str]
    concerns: Callable[[Answers], bool]
    names: Names
    order: Callable[[Answers], Any]
    count: Count

    def __repr__(self) -> str:
        return f"<{self.name}>"

    def fields_of(self, definition: FormDefinition) -> tuple[Field, ...]:
        """Return the sealed questions that this purpose opens on a form; none if the form does not serve it."""
        sealed = {field.name: field for field in definition.fields if field.sealed}
        served = all(name in sealed and sealed[name].kind.name in kinds for name, kinds in self.needs.items())
        names = (*self.needs, *self.also) if served else ()
        return tuple(sealed[name] for name in names if name in sealed)


def _first_day(answers: Answers) -> Any:
    return str(answers.get("arrives_on") or "9999"), str(answers.get("leaves_on") or "9999")


def _any_of(*names: str) -> Callable[[Answers], bool]:
    return lambda answers: any(name in answers for name in names)


def _unsorted(_: Answers) -> Any:
    return ""


_TEXTS = ("long_text", "text", "one_of", "some_of")

ARRIVALS = Purpose(
    name="arrivals",
    title="Arrivals and departures",
    about="Who arrives and leaves on which day, for welcoming people and for badges.",
    needs={"arrives_on": ("date",), "leaves_on": ("date",)},
    also=(),
    concerns=_any_of("arrives_on", "leaves_on"),
    names=Names.USUALLY,
    order=_first_day,
    count=by_day,
)
ROOMING = Purpose(
    name="rooming",
    title="Rooming list",
    about="Who stays in which hotel and for how many nights, for the hotels.",
    needs={"hotel": ("one_of",)},
    also=("hotel_nights", "arrives_on", "leaves_on"),
    concerns=_any_of("hotel"),
    names=Names.USUALLY,
    order=lambda answers: (str(answers.get("hotel")), *_first_day(answers)),
    count=by_night,
)
VISA_LETTERS = Purpose(
    name="visa-letters",
    title="Visa letters",
    about="People who need a letter, with the details for it.",
    needs={"nationality": ("country",), "passport_number": ("text",), "passport_expires_on": ("date",)},
    also=("visa_letter", "arrives_on", "leaves_on"),
    concerns=lambda answers: answers.get("visa_letter", "passport_number" in answers) is True,
    names=Names.ALWAYS,
    order=_first_day,
    count=by_answer("nationality"),
)
CATERING = Purpose(
    name="catering",
    title="Catering",
    about="How many people have which diet.",
    needs={"diet": _TEXTS},
    also=(),
    concerns=_any_of("diet"),
    names=Names.ON_REQUEST,
    order=lambda answers: str(answers.get("diet")).casefold(),
    count=by_answer("diet"),
)
ACCESS = Purpose(
    name="access",
    title="Access needs",
    about="Captions, step-free access, interpretation and other needs.",
    needs={"access_needs": _TEXTS},
    also=(),
    concerns=_any_of("access_needs"),
    names=Names.USUALLY,
    order=lambda answers: str(answers.get("access_needs")).casefold(),
    count=by_answer("access_needs"),
)
OF_CHOICE = Purpose(
    name=CUSTOM,
    title="Questions of your choice",
    about="Only the questions that you choose are opened.",
    needs={},
    also=(),
    concerns=bool,
    names=Names.USUALLY,
    order=_unsorted,
    count=of_chosen,
)
ALL_ANSWERS = Purpose(
    name=EVERYTHING,
    title="All sealed answers",
    about="All of them. A second person must approve it.",
    needs={},
    also=(),
    concerns=bool,
    names=Names.ALWAYS,
    order=_unsorted,
    count=of_chosen,
)
PURPOSES: Mapping[str, Purpose] = {
    purpose.name: purpose for purpose in (ARRIVALS, ROOMING, VISA_LETTERS, CATERING, ACCESS, OF_CHOICE, ALL_ANSWERS)
}
"""All purposes, in the order in which they are offered."""


def served_by(definition: FormDefinition) -> list[Purpose]:
    """Return the purposes that a form serves; none if it asks nothing sealed."""
    sealed = any(field.sealed for field in definition.fields)
    return [purpose for purpose in PURPOSES.values() if purpose.fields_of(definition) or (sealed and not purpose.needs)]


def fields_for(purpose: Purpose, definition: FormDefinition, chosen: Sequence[str]) -> tuple[Field, ...]:
    """Return the sealed questions that are opened for a purpose on a form.

    Args:
        purpose: a purpose of the registry.
        definition: the definition of the form.
        chosen: the names of questions, only for ``custom``.

    Returns:
        the questions, in the order of the form where the reader chooses; empty if the form does not serve the purpose.
    """
    sealed = [field for field in definition.fields if field.sealed]
    if purpose is ALL_ANSWERS:
        return tuple(sealed)
    if purpose is OF_CHOICE:
        return tuple(field for field in sealed if field.name in chosen)
    return purpose.fields_of(definition)
