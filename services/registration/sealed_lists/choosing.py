"""Which people a list is about, from filters as the list of registrations has them; what comes in is from outside."""

from collections.abc import Mapping, Sequence

from services.registration.people.answer_filters import PREFIX
from services.registration.people.filters import NAMES, SHOWING, given_filters, to_filter
from services.registration.people.listing import asked_definition, refuse_beyond
from services.registration.people.listing_store import PeopleFilter
from services.registration.sealed_lists.model import ListRequest
from services.registration.sealed_lists.service import STATUS
from shared.contracts.registration import REGISTRATION_STATUSES
from shared.core.errors import DomainError
from shared.core.parameter_advice import unknown_parameter_advice
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import Holder

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
        work: transactions on the service's database.
        who: the caller, whose key is good for the form.
        form: slug.
        filters: values by name; without ``status`` only people with a seat, ``any`` for everybody.
        purpose: name of one of the registry.
        chosen: names of questions, for the purpose ``custom``.
        names: whether names are shown; None leaves it to the purpose.
        reason: as it was typed.

    Raises:
        BadRequest: a filter cannot be a value of its kind.
        DomainError: ``unknown-parameter``; ``not-allowed``: it would show who is registered on another form.
    """
    for name in filters:
        if name not in FILTERS and not name.startswith(PREFIX):
            raise DomainError("unknown-parameter", f"filters: {name}: {unknown_parameter_advice(name, FILTERS)}")
    status = filters.get("status") or STATUS
    if status not in (*REGISTRATION_STATUSES, ANY_STATUS):
        raise DomainError("unknown-parameter", "filters: status: not a status of a registration, nor `any`")
    given = given_filters({**filters, "form": form, "status": "" if status == ANY_STATUS else status})
    definition = asked_definition(work, PeopleFilter(form=form, forms=who.forms))
    wanted = to_filter(given, definition, who, "", 1)
    refuse_beyond(work, wanted)
    return ListRequest(purpose, chosen, names, wanted, _described(given), reason, who.name)


def _described(given: Mapping[str, str]) -> dict[str, str]:
    """Return the filters for the log; of answers and searched words, which may name somebody, only that there are."""
    plain = {name: value for name, value in given.items() if name in FILTERS and name != "q"}
    answers = sorted({name.removeprefix(PREFIX).partition(".")[0] for name in given if name.startswith(PREFIX)})
    return plain | ({"answers": ", ".join(answers)} if answers else {}) | ({"search": "yes"} if "q" in given else {})
