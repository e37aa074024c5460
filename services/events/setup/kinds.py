"""Kinds of records that coordinators set up, such as working groups or rooms: all that differs between kinds.

The schemas of its requests and answers are made from its fields.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Generic, Protocol, TypeVar

import marshmallow as ma
from sqlalchemy import Connection, text

from services.events.console import FormField, Section
from services.events.fields import Fields
from services.events.http import counted_list, group_fields, sort_field, total_field
from services.events.rules import BrokenRule
from services.events.tables import StoredTable, add_value, lock_value, read_all, remove_value, save_value
from shared.http.lists import MAX_PAGE_SIZE, PageArguments
from shared.i18n.languages import LANGUAGES
from shared.messaging.contracts.schemas import Message, TextByLanguage
from shared.runtime.ids import slug_from
from shared.runtime.schema_fields import one_of_field, text_field

T = TypeVar("T")
Values = dict[str, Any]
"""Checked content of a request, by field."""

ID_FIELD = FormField(
    name="id",
    label="Short name",
    max_length=80,
    help="Lower-case letters, digits and hyphens. It never changes. If empty, it is made from the title.",
)


@dataclass(frozen=True, slots=True)
class Stored(Generic[T]):
    """Where the values of a kind are stored.

    Attributes:
        all: every value.
        find_for_change: the value with an id, locked until the transaction ends.
        add: store a new value; whether there was none.
        save: store a value in place of what was stored under its id.
        remove: delete the value with an id.
    """

    all: Callable[[Connection], list[T]]
    find_for_change: Callable[[Connection, str], T | None]
    add: Callable[[Connection, T], bool]
    save: Callable[[Connection, T], object]
    remove: Callable[[Connection, str], object]


def in_table(table: StoredTable[T]) -> Stored[T]:
    """The values of a kind that has its own table."""
    return Stored(
        all=lambda connection: read_all(connection, table),
        find_for_change=lambda connection, value_id: lock_value(connection, table, value_id),
        add=lambda connection, value: add_value(connection, table, value),
        save=lambda connection, value: save_value(connection, table, value),
        remove=lambda connection, value_id: remove_value(connection, table, value_id),
    )


@dataclass(frozen=True, slots=True)
class Words:
    """Words for a kind, for people.

    Attributes:
        title: the title of its list.
        noun: the noun for one of them, in lower case.
        lead: a sentence below the title.
        columns: the columns of the console's list, as field and heading; the first leads to the page of one.
        withdrawn: what withdrawing one means, a sentence.
    """

    title: str
    noun: str
    lead: str
    columns: Sequence[tuple[str, str]]
    withdrawn: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """The filters, orders and counts of a kind's list.

    Attributes:
        filters: fields of which one value can be asked for.
        searched: fields in which ``q`` is searched.
        sorts: fields by which the list can be sorted.
        order: the default order; empty for the first of ``sorts``.
        groups: fields by which it can be counted, two at once.
        sums: numbers that are added up in each group.
        day: the field that ``from`` and ``to`` bound; empty for none.
        public: whether the public may read it.
        private: fields that only readers with a key see.
    """

    filters: tuple[str, ...]
    searched: tuple[str, ...]
    sorts: tuple[str, ...]
    order: str = ""
    groups: tuple[str, ...] = ()
    sums: tuple[str, ...] = ()
    day: str = ""
    public: bool = False
    private: frozenset[str] = frozenset()

    @property
    def default_order(self) -> str:
        """What ``sort`` is by default."""
        return self.order or self.sorts[0]


class Listed(Protocol):
    """A kind with a list that is read whole.

    Attributes:
        name: the name in schemas, as in ``working-group``.
        part: the path segment in addresses, as in ``working-groups``.
        listing: what the list can be asked.
        shown: fields of the interface's answers; ``id`` comes with them.
        editable: the names of fields that can be changed; empty if it has no revision.
    """

    @property
    def name(self) -> str: ...

    @property
    def part(self) -> str: ...

    @property
    def listing(self) -> "Listing": ...

    @property
    def shown(self) -> Fields: ...

    @property
    def editable(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Lines:
    """How a list of objects is typed into a text area: a line for each.

    Attributes:
        read: a line as content of a request, given the other fields; raises ValueError with a sentence.
        write: the line of a value as the interface shows it, given the other fields.
    """

    read: Callable[[str, Mapping[str, Any]], Any]
    write: Callable[[Any, Mapping[str, Any]], str]


def no_op(*_: Any) -> tuple[()]:
    """For an operation that a kind does not have."""
    return ()


def unchanged(values: Values) -> Values:
    """For content that already has the types of the domain."""
    return values


def fields_by_name(value: Any) -> Values:
    """The fields of a value by name, for the interface's schema to dump."""
    return {field.name: getattr(value, field.name) for field in fields(value)}


def take_new(_old: T | None, new: T) -> T:
    """For a kind that stores exactly the requested values."""
    return new


@dataclass(frozen=True, slots=True, kw_only=True)
class SetupKind(Generic[T]):
    """One kind.

    Attributes:
        name: the name in the audit log, as in ``working-group``.
        part: the path segment in addresses, as in ``working-groups``.
        words: the texts for people.
        stored: where its values are.
        listing: what its list can be asked.
        shown: fields of the interface's answers; ``id`` and ``revision`` come with them.
        wanted: fields of what makes one.
        editable: the names of fields that a change may hold; empty if it is never changed.
        make: the values that a creation makes, given content, name of the maker's key, and a UUID that the same
            request has when it is sent again. Raises RulesBroken.
        typed: content of a change with the types of the domain.
        show: a value as ``shown`` dumps it.
        form: the console's fields; it may read the choices.
        lines: fields of lists of objects, as lines.
        check: rules that need the database.
        effects: sentences about the effects of replacing ``old`` (None: creation) by ``new`` (empty: withdrawal), at a
            given time.
        blockers: sentences on why it cannot be withdrawn.
        messages: messages to publish, by the same arguments.
        withdrawal_messages: messages about a withdrawn value, at a given time.
        lock: taken before anything is read for a change.
        after: called at the end of the transaction of every change.
        complete: the value to store when ``new`` is requested and ``old`` is stored.
        record_history: adds to another history in the transaction of every stored value: by whom, old, new, when.
    """

    name: str
    part: str
    words: Words
    stored: Stored[T]
    listing: Listing
    shown: Fields
    wanted: Fields
    editable: tuple[str, ...]
    make: Callable[[Values, str, str], Sequence[T]]
    typed: Callable[[Values], Values]
    show: Callable[[T], Values]
    form: Callable[[Connection, T | None], Sequence[Section]]
    lines: Mapping[str, Lines]
    check: Callable[[Connection, T], Iterable[BrokenRule]]
    effects: Callable[[Connection, T | None, Sequence[T], datetime], Iterable[str]]
    blockers: Callable[[Connection, T, datetime], Iterable[str]]
    messages: Callable[[T | None, T, datetime], Sequence[Message]]
    lock: Callable[[Connection], object]
    after: Callable[[Connection], object]
    complete: Callable[[T | None, T], T] = take_new
    withdrawal_messages: Callable[[T, datetime], Sequence[Message]] = no_op
    record_history: Callable[[Connection, str, T | None, T, datetime], object] = no_op


def counted(number: int, noun: str) -> str:
    """``1 event``, ``2 events``."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def uses(connection: Connection, questions: Iterable[tuple[str, str]], value_id: str) -> list[str]:
    """What refers to a value: ``2 events``, and so on."""
    found = ((noun, int(connection.execute(text(sql), {"id": value_id}).scalar_one())) for noun, sql in questions)
    return [counted(number, noun) for noun, number in found if number]


def with_id(values: Values, *parts: Any) -> Values:
    """``values`` with an id: the requested id, or one made from ``parts``."""
    return {**values, "id": values.get("id") or slug_from(" ".join(map(str, parts)))}


Schema = type[ma.Schema]


class StepQuery(ma.Schema):
    """Query of a request that changes something."""

    dry_run = ma.fields.Boolean(
        load_default=False, metadata={"description": "Change nothing and notify no one; return what it would do"}
    )


def item_schema(kind: Listed) -> Schema:
    """One of the kind, as it is answered; a list with ``fields`` leaves some out."""
    fields: dict[str, Any] = {"id": ma.fields.String(), **deepcopy(dict(kind.shown))}
    if "revision" not in fields and kind.editable:
        fields["revision"] = ma.fields.Integer(metadata={"description": "Value for `If-Match` in a change"})
    return ma.Schema.from_dict(fields, name=f"{_name(kind)}Schema")


def new_schema(kind: SetupKind[Any]) -> Schema:
    """What makes one or several of the kind."""
    return ma.Schema.from_dict(deepcopy(dict(kind.wanted)), name=f"New{_name(kind)}Schema")


def edit_schema(kind: SetupKind[Any]) -> Schema:
    """What changes one of the kind: each field may be left out."""
    fields = {name: _optional(field) for name, field in kind.wanted.items() if name in kind.editable}
    return ma.Schema.from_dict(fields, name=f"Edit{_name(kind)}Schema")


def outcome_schema(kind: SetupKind[Any], item: Schema) -> Schema:
    """What a step did or would do."""
    return ma.Schema.from_dict(
        {
            "dry_run": ma.fields.Boolean(required=True),
            "differs": ma.fields.List(
                ma.fields.String(), required=True, metadata={"description": "Fields that change"}
            ),
            "effects": ma.fields.List(
                ma.fields.String(),
                required=True,
                metadata={"description": "Effects of the change, as English sentences"},
            ),
            "items": ma.fields.List(
                ma.fields.Nested(item),
                required=True,
                metadata={"description": "State after the change; empty: withdrawn"},
            ),
        },
        name=f"{_name(kind)}OutcomeSchema",
    )


def list_schema(kind: Listed, item: Schema, more: Mapping[str, Any]) -> Schema:
    """A page of the kind; with ``group_by``, ``groups`` in place of ``items`` and ``next``."""
    return counted_list(item, f"{_name(kind)}ListSchema", more)


def list_arguments(kind: Listed) -> Schema:
    """The query of a list of the kind."""
    listing, shown = kind.listing, kind.shown
    fields: dict[str, Any] = {
        "limit": ma.fields.Integer(load_default=MAX_PAGE_SIZE, validate=ma.validate.Range(min=1, max=MAX_PAGE_SIZE)),
        "sort": sort_field([name for field in listing.sorts for name in (field, f"-{field}")], listing.default_order),
        "total": total_field(),
        "chosen": text_field(
            500, "Names of the fields to return, separated by commas; `id` is always included", data_key="fields"
        ),
        **{name: _filter(name, shown[name]) for name in listing.filters},
    }
    if listing.searched:
        fields["q"] = text_field(500, f"A text in {' or '.join(f'`{name}`' for name in listing.searched)}")
    if texts := texts_of(kind):
        lacking = f"Only those whose {' or '.join(texts)} lacks a text in this language"
        fields["missing_language"] = one_of_field(LANGUAGES, metadata={"description": lacking})
    if listing.groups:
        fields |= group_fields(listing.groups)
    if listing.day:
        fields["day_from"] = ma.fields.Date(data_key="from", metadata={"description": f"`{listing.day}` on or after"})
        fields["day_to"] = ma.fields.Date(data_key="to", metadata={"description": f"`{listing.day}` on or before"})
    return PageArguments.from_dict(fields, name=f"{_name(kind)}Arguments")


def _filter(name: str, field: Any) -> ma.fields.Field[Any]:
    description = {"description": f"Only those with this `{name}`"}
    if isinstance(field, ma.fields.Boolean):
        return ma.fields.Boolean(metadata=description)
    if isinstance(field, ma.fields.Integer):
        return ma.fields.Integer(metadata=description)
    one_of = next((rule for rule in field.validators if isinstance(rule, ma.validate.OneOf)), None)
    if one_of is not None:
        return one_of_field(one_of.choices, metadata=description)
    return text_field(500, description["description"])


def _optional(field: Any) -> Any:
    copied = deepcopy(field)
    copied.required, copied.load_default = False, ma.missing
    return copied


def _name(kind: Listed) -> str:
    return "".join(word.capitalize() for word in kind.name.split("-"))


def shown_text(most: int, *, least: int = 1) -> TextByLanguage:
    """A title or a summary in answers."""
    return TextByLanguage(most, "By language", least=least, written=False)


def texts_of(kind: Listed) -> tuple[str, ...]:
    """The fields of a kind that are texts by language."""
    return tuple(name for name, field in kind.shown.items() if isinstance(field, TextByLanguage))
