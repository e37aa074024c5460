"""Registrations for coordinators, and for a person's own program by the token of a managing link.

Counts and coverage are the events service's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from flask import Response, jsonify, request
from werkzeug.exceptions import Forbidden

from services.registration.known_values import require_known_values
from services.registration.people.answer_filters import read_answer_filters
from services.registration.people.counting import MAX_GROUPS, Key, count_by, count_people, read_keys
from services.registration.people.decisions import CANCEL, SeatDecision, decide
from services.registration.people.filters import FILE_TITLES
from services.registration.people.listing import (
    asked_definition,
    chosen_names,
    find_people,
    people_file,
    read_registration_position,
    refuse_beyond,
    registration_position,
    show_person,
)
from services.registration.people.listing_store import PeopleFilter
from services.registration.people.notes import dossier_of
from services.registration.people.own_link import (
    AnswersRefused,
    LinkAccess,
    _to_their_own,
    change_own,
    or_own_link,
    own_link,
)
from services.registration.people.schemas import (
    ChangeWantedSchema,
    PersonDetailSchema,
    PersonListSchema,
    PersonSchema,
    RegistrationQuery,
)
from services.registration.people.seats import PeopleContext, add_offers, tagged, to_public
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import (
    holder,
    needs,
    needs_or_link,
    refuse_key,
    require_recent_beyond_a_page,
    require_recent_sign_in,
    require_touch,
)
from shared.http.headers import require_match
from shared.http.lists import (
    MEDIA_TYPE,
    XLSX_TYPE,
    csv_answer,
    page_of,
    position_in,
    wants_csv,
    wants_xlsx,
    xlsx_answer,
)
from shared.http.problems import ProblemSchema, problem
from shared.http.request_data import Blueprint
from shared.runtime.clock import lower_bound, upper_bound
from shared.runtime.errors import DomainError

SAME_NAME = (
    *("form", "event", "status", "working_group", "partner", "country", "q", "not_registered_for", "details"),
    *("language", "representative", "tag", "sort"),
)


def registrations_blueprint(links: LinkAccess | None, context: PeopleContext | None) -> Any:
    """Routes below ``/v1/registrations``.

    Args:
        links: the access by the managing link of a registration; None for an application that takes no links.
        context: the dependencies of coordinators' routes; None for an application without them: it refuses every
            request without a link.
    """
    blueprint = Blueprint("registrations", __name__, url_prefix="/v1/registrations", description="Who has registered")
    if context is not None:
        _add_list(blueprint, context)
    _add_one(blueprint, links, context)
    _add_decisions(blueprint, links, context)
    if context is not None:
        add_offers(blueprint, context)
    return blueprint


def _add_list(blueprint: Any, context: PeopleContext) -> None:
    @blueprint.get("")
    @blueprint.arguments(RegistrationQuery, location="query")
    @blueprint.response(200, PersonListSchema)
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=MEDIA_TYPE, success=True)
    @blueprint.alt_response(200, schema={"type": "string"}, content_type=XLSX_TYPE, success=True)
    @needs("coordinator")
    def list_them(query: dict[str, Any]) -> Response:
        """Registrations; as CSV or xlsx if `Accept` asks for it, then all pages in one. With `group_by` only numbers.

        With one `form` also by its questions, except sealed ones: `answer.<field>` is an answer (a part of a free
        text), `answer.<field>.from` and `.until` bound a day or a number, `answer.<field>.given` is true or false.
        """
        wanted = _wanted(query)
        refuse_beyond(context.work, wanted)
        require_known_values(context.work, query, wanted.forms)
        definition = asked_definition(context.work, wanted)
        wanted = replace(wanted, answers=read_answer_filters(request.args, definition))
        if query["group_by"]:
            return _groups(context.work, wanted, query, read_keys(query["group_by"], definition))
        columns = [name.strip() for name in query["columns"].split(",")] if query["columns"] else []
        if wants_xlsx():
            require_recent_sign_in()
            table = people_file(context.work, context.clock, holder().name, wanted, columns, FILE_TITLES)
            return xlsx_answer("registrations", *table)
        if wants_csv():
            require_recent_sign_in()
            return csv_answer(
                "registrations", *people_file(context.work, context.clock, holder().name, wanted, columns)
            )
        schema = PersonSchema(many=True, only=chosen_names(columns, [*PersonSchema().fields]))
        require_recent_beyond_a_page(query["cursor"], query["limit"])
        page = page_of(find_people(context.work, wanted), query["limit"], registration_position)
        content = {"items": schema.dump([to_public(person) for person in page.items]), "next": page.next}
        return _varying(jsonify(content | _total(context.work, wanted, query)))


def _groups(work: UnitOfWork, wanted: PeopleFilter, query: Mapping[str, Any], keys: Sequence[Key]) -> Response:
    """Numbers by one or two keys."""
    if query["cursor"] or query["columns"]:
        raise DomainError("unknown-parameter", "`group_by` cannot be combined with cursor or fields")
    with work.transaction() as connection:
        groups = count_by(connection, wanted, keys, query["at_least"])
    shown = groups[:MAX_GROUPS]
    if wants_csv():
        header = [*(key.name for key in keys), "registrations", "people"]
        rows = [[*group.by.values(), group.registrations, group.people] for group in shown]
        return csv_answer("counts", header, rows)
    content = {"groups": [asdict(group) for group in shown], "more": len(groups) > MAX_GROUPS}
    return _varying(jsonify(content | _total(work, wanted, query)))


def _total(work: UnitOfWork, wanted: PeopleFilter, query: Mapping[str, Any]) -> dict[str, int]:
    if not query["total"]:
        return {}
    with work.transaction() as connection:
        return {"total": count_people(connection, wanted)}


def _varying(response: Response) -> Response:
    response.headers["Vary"] = "Accept"
    return response


def _add_one(blueprint: Any, links: LinkAccess | None, context: PeopleContext | None) -> None:
    @blueprint.get("/<uuid:registration_id>")
    @or_own_link(links)
    @blueprint.response(200, PersonDetailSchema)
    @blueprint.alt_response(401, schema=ProblemSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @needs_or_link("coordinator")
    def show(registration_id: Any) -> Response:
        """One registration. Coordinators get its history too: every change, and why."""
        if (own := own_link()) is not None:
            return _to_their_own(own.person)
        view = show_person(_of_coordinators(context).work, str(registration_id))
        require_touch(view.form.slug)
        content = to_public(view.person)
        content["history"] = [asdict(change) for change in view.history]
        content["while_waiting"] = [asdict(line) for line in view.while_waiting]
        with _of_coordinators(context).work.transaction() as connection:
            dossier = dossier_of(connection, view.person.registration, holder().forms)
        content |= {
            "others": [asdict(registration) for registration in dossier.others],
            "mails": [asdict(mail) for mail in dossier.mails],
        }
        return tagged(PersonDetailSchema().dump(content), view.person)


def _add_decisions(blueprint: Any, links: LinkAccess | None, context: PeopleContext | None) -> None:
    @blueprint.patch("/<uuid:registration_id>")
    @or_own_link(links)
    @blueprint.arguments(ChangeWantedSchema)
    @blueprint.response(200, PersonSchema)
    @blueprint.alt_response(401, schema=ProblemSchema)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs_or_link("coordinator")
    def change(wanted: dict[str, Any], registration_id: Any) -> Response:
        """Confirm a waiting person, or cancel; `If-Match` names the revision seen. The person is notified by mail.

        With the link of a registration, it can be cancelled or its `answers` changed; answers not sent stay.
        """
        try:
            return _decide(links, context, str(registration_id), wanted)
        except AnswersRefused as refused:
            faults = [asdict(fault) | {"pointer": f"/answers{fault.pointer}"} for fault in refused.answers.errors]
            return problem(422, "invalid", "Some answers need attention", errors=faults)

    @blueprint.delete("/<uuid:registration_id>")
    @or_own_link(links)
    @blueprint.response(200, PersonSchema)
    @blueprint.alt_response(401, schema=ProblemSchema)
    @blueprint.alt_response(403, schema=ProblemSchema)
    @blueprint.alt_response(404, schema=ProblemSchema)
    @blueprint.alt_response(409, schema=ProblemSchema)
    @blueprint.alt_response(412, schema=ProblemSchema)
    @blueprint.alt_response(428, schema=ProblemSchema)
    @needs_or_link("coordinator")
    def cancel(registration_id: Any) -> Response:
        """Cancel; the same as changing the status to `cancelled`."""
        return _decide(links, context, str(registration_id), {"status": CANCEL})


def _of_coordinators(context: PeopleContext | None) -> PeopleContext:
    """Return ``context``; an application without coordinators refuses requests without a link."""
    return refuse_key() if context is None else context


def _decide(
    links: LinkAccess | None, context: PeopleContext | None, registration_id: str, wanted: Mapping[str, Any]
) -> Response:
    if (own := own_link()) is not None and links is not None:
        return _to_their_own(change_own(links, own, wanted))
    context = _of_coordinators(context)
    if "status" not in wanted:
        raise Forbidden
    view = show_person(context.work, registration_id)
    require_touch(view.form.slug)
    revision = view.person.registration.revision
    require_match(str(revision))
    decision = SeatDecision(registration_id, revision, wanted["status"], holder().name, wanted.get("reason", ""))
    person = decide(context.work, context.clock, context.messages, decision)
    return tagged(PersonSchema().dump(to_public(person)), person)


def _wanted(query: dict[str, Any]) -> PeopleFilter:
    return PeopleFilter(
        **{name: query[name] for name in SAME_NAME},
        since=lower_bound(query["since"]),
        until=upper_bound(query["until"]),
        offer_since=lower_bound(query["offer_since"]),
        offer_until=upper_bound(query["offer_until"]),
        forms=holder().forms,
        after=position_in(query["cursor"], 1, read_registration_position) or "",
        limit=query["limit"] + 1,
    )
