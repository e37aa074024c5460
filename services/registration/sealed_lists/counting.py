"""Numbers from opened answers: tables of counts, without a name. Pure: it knows no database and no key."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from shared.public_forms.fields import Field

Answers = Mapping[str, Any]
"""Of one person, by field, as JSON carries them; what was not answered is left out."""

MAX_DAYS = 366
"""Of one table: a day that was mistyped by a century must not make a table of 36,000 rows."""

MAX_ROWS = 500
OTHER = "All others"


@dataclass(frozen=True, slots=True)
class CountTable:
    """Numbers.

    Attributes:
        name: for programs.
        title: of the table.
        columns: (name for programs, words) of each column; the first one holds what is counted by.
        rows: one value for each column.
    """

    name: str
    title: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[Any, ...], ...]


Count = Callable[[Mapping[str, Field], Sequence[Answers]], Iterable[CountTable]]
"""Makes the tables of a purpose from the questions by name and everybody's answers."""


def by_day(_: Mapping[str, Field], people: Sequence[Answers]) -> Iterable[CountTable]:
    """Who arrives, who leaves, and who is there, for each day from the first arrival to the last departure.

    Whoever has given one of the two days counts as there on that day alone.
    """
    days = [(_day(one, "arrives_on"), _day(one, "leaves_on")) for one in people]
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
    for one in people:
        if not _nights(fields, one):
            continue
        slept = nights_of(fields, one)
        undated += not slept
        nights.setdefault(str(one["hotel"]), Counter()).update(slept)
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
    """The nights in which somebody needs a room; none where they have not said from which day."""
    begins = _day(one, "arrives_on")
    return [] if begins is None else [begins + timedelta(days=night) for night in range(_nights(fields, one))]


def by_answer(*names: str) -> Count:
    """Count how many gave each answer to each of the questions ``names``, the most frequent first."""

    def count(fields: Mapping[str, Field], people: Sequence[Answers]) -> Iterable[CountTable]:
        for name in names:
            if name in fields:
                yield _answers_to(fields[name], people)

    return count


def of_chosen(fields: Mapping[str, Field], people: Sequence[Answers]) -> Iterable[CountTable]:
    """Count answers to what can be chosen; of free texts, which differ from person to person, how many there are."""
    for field in fields.values():
        if field.kind.max_length is None:
            yield _answers_to(field, people)
    given = [
        (field.label.in_language("en"), sum(field.name in one for one in people))
        for field in fields.values()
        if field.kind.max_length is not None
    ]
    if given:
        yield CountTable("texts", "Texts", (("question", "Question"), ("people", "Answered by")), tuple(given))


def _answers_to(field: Field, people: Sequence[Answers]) -> CountTable:
    spelt: dict[str, str] = {}
    counted: Counter[str] = Counter()
    for one in people:
        for text in _texts(field, one.get(field.name)):
            folded = " ".join(text.split()).casefold().rstrip(".")
            spelt.setdefault(folded, " ".join(text.split()))
            counted[folded] += 1
    shown = counted.most_common(MAX_ROWS)
    rows: list[tuple[Any, ...]] = [(spelt[folded], number) for folded, number in shown]
    if rest := counted.total() - sum(number for _, number in shown):
        rows.append((OTHER, rest))
    columns = (("answer", "Answer"), ("people", "People"))
    return CountTable(field.name, field.label.in_language("en"), columns, tuple(rows))


def _texts(field: Field, value: Any) -> list[str]:
    """The words of an answer; of each choice where several can be made."""
    if value is None:
        return []
    values = [[one] for one in value] if field.kind.data_type == "list" and isinstance(value, list) else [value]
    return [text for one in values if (text := field.kind.display(field, one, "en"))]


def _words(field: Field) -> list[tuple[str, str]]:
    return [(str(value), text) for value, text in field.kind.choices(field, "en")]


def _nights(fields: Mapping[str, Field], one: Answers) -> int:
    """How many nights somebody needs a room for; where the form does not ask, from the first day to the last."""
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
    """Every day from the first to the last; where they lie more than a year apart, those days alone."""
    known = sorted(days)
    if not known:
        return []
    length = (known[-1] - known[0]).days + 1
    return known if length > MAX_DAYS else [known[0] + timedelta(days=number) for number in range(length)]
