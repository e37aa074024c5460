"""The routes of one kind (list, one, create, change, withdraw), and of lists that are computed for reading."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import marshmallow as ma
from flask import Response, jsonify

from services.events.event.model import Readers
from services.events.event.service import EventsContext
from services.events.fields import Fields
from services.events.http import CHANGED, READERS, REFUSED, audience, broken_rules_as_faults, own_forms, with_refusals
from services.events.known_values import require_known_values
from services.events.setup.kinds import (
    Listing,
    SetupKind,
    StepQuery,
    Values,
    edit_schema,
    item_schema,
    list_arguments,
    list_schema,
    new_schema,
    outcome_schema,
)
from services.events.setup.listing import Item, More, list_answer, nothing_more, varying
from services.events.setup.service import (
    Alteration,
    Creation,
    SetupStep,
    StepOutcome,
    Withdrawal,
    list_all,
    preview_step,
    take_step,
)
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs_all_forms, public_or_key
from shared.http.headers import conditional, seen_tags_of
from shared.http.lists import MEDIA_TYPE, wants_csv
from shared.http.request_data import Blueprint
from shared.runtime.errors import DomainError
from shared.runtime.ids import new_id

_CHANGING = {
    "s404": "There is none with this name",
    "s409": "It is in use",
    **CHANGED,
}

Query = Mapping[str, Any]


class KindApi:
    """The routes of one kind below ``/v1/<part>``.

    Args:
        context: transactions and clock.
        kind: what is set up.
        readable: returns the values that the caller may see; by default all.
        more: further content of a list, computed from all that match.
        more_fields: its schema fields.
    """

    def __init__(
        self,
        context: EventsContext,
        kind: SetupKind[Any],
        readable: Callable[[EventsContext], Sequence[Any]] | None = None,
        more: More | None = None,
        more_fields: Any = None,
    ) -> None:
        self._context, self._kind, self._more = context, kind, more or nothing_more
        self._readable = readable or (lambda context: list_all(context, kind))
        self._shows_more = readable is not None or bool(kind.listing.private)
        self._item = item_schema(kind)
        self._list = list_schema(kind, self._item, more_fields or {})
        self._outcome = outcome_schema(kind, self._item)

    def blueprint(self) -> Any:
        """All of them."""
        kind = self._kind
        made = self.reading_blueprint()
        self._add_creation(made)
        if kind.editable:
            self._add_change(made)
        return made

    def reading_blueprint(self) -> Any:
        """Those that list, show and withdraw: for a kind that other routes create and change."""
        made = self.public_blueprint()
        self._add_withdrawal(made)
        return made

    def public_blueprint(self) -> Any:
        """Those that list and show."""
        kind = self._kind
        made = Blueprint(kind.part, __name__, url_prefix=f"/v1/{kind.part}", description=kind.words.title)
        self._add_list(made)
        self._add_one(made)
        return made

    def _reading(self, view: Any) -> Any:
        return public_or_key(view) if self._kind.listing.public else needs_all_forms(*READERS)(view)

    def _may_see(self) -> frozenset[str]:
        """The fields that the caller may see."""
        fields = frozenset(self._item().fields)
        listing = self._kind.listing
        if listing.public and (audience() is Readers.PUBLIC or holder().forms is not None):
            return fields - listing.private
        return fields

    def _add_list(self, blueprint: Any) -> None:
        @blueprint.get("")
        @blueprint.arguments(list_arguments(self._kind), location="query")
        @blueprint.response(200, self._list)
        @blueprint.alt_response(200, schema={"type": "string"}, content_type=MEDIA_TYPE, success=True)
        @blueprint.alt_response(304, description="Nothing has changed since the answer with the ETag that was sent")
        @blueprint.doc(summary=f"{self._kind.words.title}: all that match; with `group_by`, only their numbers")
        @with_refusals(blueprint, s400="The cursor is invalid", **REFUSED)
        @self._reading
        def list_them(query: dict[str, Any]) -> Response:
            """As CSV if `Accept` asks for it, then all pages in one."""
            return self._listed(query)

    def _listed(self, query: dict[str, Any]) -> Response:
        allowed = self._may_see()
        names = [name for name in self._item().fields if name in allowed]
        readers = audience() if self._kind.listing.public else Readers.COORDINATORS
        require_known_values(self._context.work, query, own_forms(readers), is_public=readers is Readers.PUBLIC)
        answer = list_answer(self._kind, names, self.items(), query, self._more)
        return answer if answer.is_streamed else self._answered(answer)

    def _answered(self, answer: Response, revision: int | None = None) -> Response:
        """Public lists are cached until they change; no shared cache stores a response for a key."""
        if not self._kind.listing.public:
            if revision is not None:
                answer.set_etag(str(revision))
            return varying(answer)
        answer = varying(conditional(answer, revision=revision))
        if self._shows_more and audience() is Readers.COORDINATORS:
            answer.headers["Cache-Control"] = "private, no-cache"
        return answer

    def items(self) -> list[Item]:
        """Every value as the caller may see it."""
        schema = self._item(only=self._may_see())
        return [schema.dump(self._kind.show(value)) for value in self._readable(self._context)]

    def _add_one(self, blueprint: Any) -> None:
        @blueprint.get("/<item_id>")
        @blueprint.response(200, self._item)
        @blueprint.alt_response(304, description="Nothing has changed since the answer with the ETag that was sent")
        @blueprint.doc(summary=f"One {self._kind.words.noun}")
        @with_refusals(blueprint, s404=f"No such {self._kind.words.noun}", **REFUSED)
        @self._reading
        def show_one(item_id: str) -> Response:
            schema = self._item(only=self._may_see())
            value = next((item for item in self._readable(self._context) if item.id == item_id), None)
            if value is None:
                raise DomainError("not-found", f"there is no such {self._kind.words.noun}")
            content = schema.dump(self._kind.show(value))
            return self._answered(jsonify(content), getattr(value, "revision", 1))

    def _add_creation(self, blueprint: Any) -> None:
        @blueprint.post("")
        @blueprint.arguments(new_schema(self._kind))
        @blueprint.arguments(StepQuery, location="query")
        @blueprint.response(201, self._outcome)
        @blueprint.alt_response(200, schema=self._outcome, description="With `dry_run`", success=True)
        @blueprint.doc(summary=f"Create a {self._kind.words.noun}")
        @with_refusals(blueprint, s409="The id is taken, or a rule forbids it", **REFUSED)
        @needs_all_forms("coordinator")
        def create(wanted: dict[str, Any], query: dict[str, Any]) -> Response:
            with broken_rules_as_faults():
                return self._done(Creation(self._kind.make(wanted, holder().name, new_id())), query, 201)

    def _add_change(self, blueprint: Any) -> None:
        @blueprint.patch("/<item_id>")
        @blueprint.arguments(edit_schema(self._kind))
        @blueprint.arguments(StepQuery, location="query")
        @blueprint.response(200, self._outcome)
        @blueprint.doc(summary=f"Change a {self._kind.words.noun}; `If-Match`: the ETag or revision")
        @with_refusals(blueprint, **REFUSED, **_CHANGING)
        @needs_all_forms("coordinator")
        def change(wanted: dict[str, Any], query: dict[str, Any], item_id: str) -> Response:
            with broken_rules_as_faults():
                return self._done(Alteration(item_id, wanted, seen_tags_of(query)), query)

    def _add_withdrawal(self, blueprint: Any) -> None:
        @blueprint.delete("/<item_id>")
        @blueprint.arguments(StepQuery, location="query")
        @blueprint.response(200, self._outcome)
        @blueprint.doc(summary=f"Withdraw a {self._kind.words.noun}; `If-Match`: the ETag or revision")
        @with_refusals(blueprint, **REFUSED, **_CHANGING)
        @needs_all_forms("coordinator")
        def withdraw(query: dict[str, Any], item_id: str) -> Response:
            return self._done(Withdrawal(item_id, seen_tags_of(query)), query)

    def _done(self, step: SetupStep[Any], query: Mapping[str, Any], status: int = 200) -> Response:
        if query["dry_run"]:
            return self._described(preview_step(self._context, self._kind, step), dry_run=True)
        outcome = take_step(self._context, self._kind, step, holder().name)
        answer = self._described(outcome, dry_run=False)
        answer.status_code = status
        if len(outcome.new) == 1:
            answer.set_etag(str(getattr(outcome.new[0], "revision", 1)))
            answer.headers["Location"] = f"/v1/{self._kind.part}/{outcome.new[0].id}"
        return answer

    def _described(self, outcome: StepOutcome[Any], *, dry_run: bool) -> Response:
        schema: ma.Schema = self._item(many=True)
        items = schema.dump([self._kind.show(value) for value in outcome.new])
        return jsonify(dry_run=dry_run, differs=list(outcome.differs), effects=list(outcome.effects), items=items)


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionList:
    """A list that coordinators can query but not change.

    Attributes:
        work: transactions on the database.
        name: the name in schemas, as in ``speaker``.
        part: the path segment in addresses, as in ``speakers``.
        about: a sentence for the interface's document.
        listing: what it can be asked.
        shown: fields of a row; ``id`` comes with them.
        rows: every row, before it is filtered; it may read less, by what is asked.
        taken: called before a file with all rows is made.
    """

    work: UnitOfWork
    name: str
    part: str
    about: str
    listing: Listing
    shown: Fields
    rows: Callable[[Query], Sequence[Values]]
    taken: Callable[[], None] = lambda: None

    @property
    def editable(self) -> tuple[str, ...]:
        """Nothing here is changed."""
        return ()


def question_blueprint(asked: QuestionList) -> Any:
    """``/v1/<part>``, for coordinators and viewers."""
    blueprint = Blueprint(asked.part, __name__, url_prefix=f"/v1/{asked.part}", description=asked.about)
    _add_list(blueprint, asked)
    return blueprint


def _add_list(blueprint: Any, asked: QuestionList) -> None:
    item = item_schema(asked)

    @blueprint.get("")
    @blueprint.arguments(list_arguments(asked), location="query")
    @blueprint.response(200, list_schema(asked, item, {}))
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=MEDIA_TYPE, success=True)
    @blueprint.doc(summary=f"{asked.about} With `group_by`, only their numbers")
    @with_refusals(blueprint, s400="The cursor is invalid", **REFUSED)
    @needs_all_forms(*READERS)
    def list_them(query: dict[str, Any]) -> Response:
        """As CSV if `Accept` asks for it, then all pages in one."""
        require_known_values(asked.work, query)
        schema = item()
        rows = schema.dump(asked.rows(query), many=True)
        if wants_csv():
            asked.taken()
        return list_answer(asked, list(schema.fields), rows, query)
