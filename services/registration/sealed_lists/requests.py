"""What a request for a list of sealed answers asks for: filters and conditions on answers."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from marshmallow import ValidationError

from services.registration.known_values import require_known_values
from services.registration.people.answer_filters import PREFIX as ANSWER_PREFIX
from services.registration.people.filters import NAMES, SHOWING, read_filters, to_filter
from services.registration.people.listing import asked_definition, refuse_beyond
from services.registration.people.listing_store import PeopleFilter
from services.registration.sealed_lists.purposes import Answers
from services.registration.sealed_lists.service import STATUS
from services.registration.sealed_lists.store import ListRequest
from shared.db.unit_of_work import UnitOfWork
from shared.http.holders import Holder
from shared.messaging.contracts.payloads import REGISTRATION_STATUSES
from shared.public_forms.fields import Field
from shared.runtime.errors import DomainError, unknown_parameter_advice

Matches = Callable[[Any], bool]


Condition = Callable[[Answers], bool]


def read_conditions(given: Mapping[str, str], fields: Sequence[Field]) -> Condition:
    """Return what holds for the answers that fulfil all of ``given``.

    Args:
        given: the values by ``<question>``, ``<question>.from``, ``.until`` or ``.contains``.
        fields: the questions that are opened.

    Raises:
        DomainError: ``unknown-parameter``: the list does not open that question, or it cannot be asked so.
    """
    known = {field.name: field for field in fields}
    tests = [_read(known, parameter, text) for parameter, text in given.items()]
    return lambda answers: all(name in answers and matches(answers[name]) for name, matches in tests)


def _read(known: Mapping[str, Field], parameter: str, text: str) -> tuple[str, Matches]:
    name, _, test = parameter.partition(".")
    if name not in known:
        raise DomainError("unknown-parameter", f"where: {name} is not opened by this list")
    field = known[name]
    has_order = field.kind.ordered or field.kind.data_type == "number"
    if test == "contains" and field.kind.max_length is not None:
        part = text.casefold()
        return name, lambda value: part in str(value).casefold()
    if test in ("from", "until") and has_order:
        bound = _value(parameter, field, text)
        return name, (lambda value: value >= bound) if test == "from" else (lambda value: value <= bound)
    if not test and field.kind.max_length is None:
        wanted = _value(parameter, field, text)
        return name, lambda value: wanted in value if isinstance(value, list) else value == wanted
    raise DomainError("unknown-parameter", f"where: {parameter}: this question does not support this filter")


def _value(parameter: str, field: Field, text: str) -> Any:
    """``text`` as an answer, without a word about the text in a refusal."""
    value = field.kind.parse(text)
    if field.kind.data_type == "list" or field.kind.options == "listed":
        return value
    try:
        return field.kind.check(field)(value)
    except ValidationError:
        raise DomainError("unknown-parameter", f"where: {parameter}: not an answer to this question") from None


ANY_STATUS = "any"


FILTERS = tuple(name for name in NAMES if name not in ("form", *SHOWING))
"""Names of the filters that a list takes, beside those that begin with ``answer.``."""


def read_request(
    work: UnitOfWork,
    who: Holder,
    form: str,
    filters: Mapping[str, str],
    *,
    purpose: str,
    chosen: Sequence[str] = (),
    names: bool | None = None,
    reason: str = "",
) -> ListRequest:
    """Return what ``who`` asks for.

    Args:
        work: the unit of work on the service's database.
        who: the caller, whose key is good for the form.
        form: the slug of the form.
        filters: the values by name; without ``status`` only people with a seat, ``any`` for everyone.
        purpose: the name of a purpose in the registry.
        chosen: the names of questions, for the purpose ``custom``.
        names: whether names are shown; None leaves it to the purpose.
        reason: the reason as it was typed.

    Raises:
        BadRequest: a filter cannot be a value of its kind.
        DomainError: ``unknown-parameter``; ``not-allowed``: it would show who is registered on another form;
            ``unknown-value``.
    """
    for name in filters:
        if name not in FILTERS and not name.startswith(ANSWER_PREFIX):
            raise DomainError("unknown-parameter", f"filters: {name}: {unknown_parameter_advice(name, FILTERS)}")
    status = filters.get("status") or STATUS
    if status not in (*REGISTRATION_STATUSES, ANY_STATUS):
        raise DomainError("unknown-parameter", "filters: status: not a status of a registration, nor `any`")
    given = read_filters({**filters, "form": form, "status": "" if status == ANY_STATUS else status})
    definition = asked_definition(work, PeopleFilter(form=form, forms=who.forms))
    wanted = to_filter(given, definition, who, "", 1)
    refuse_beyond(work, wanted)
    require_known_values(work, given, who.forms)
    return ListRequest(purpose, chosen, names, wanted, _described(given), reason, who.name)


def _described(given: Mapping[str, str]) -> dict[str, str]:
    """Return the filters for the log; of answers and searched words, which may name a person, only that there are."""
    plain = {name: value for name, value in given.items() if name in FILTERS and name != "q"}
    answers = sorted(
        {name.removeprefix(ANSWER_PREFIX).partition(".")[0] for name in given if name.startswith(ANSWER_PREFIX)}
    )
    return plain | ({"answers": ", ".join(answers)} if answers else {}) | ({"search": "yes"} if "q" in given else {})
