"""The page of the first steps: from an empty installation to the first registration, with the progress."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flask import Blueprint, Response, make_response, render_template
from sqlalchemy import Connection, text

from services.console_pages import FIRST_STEPS, OF_PARTNERS
from shared.console.frame import HOME
from shared.db.unit_of_work import UnitOfWork
from shared.http.access import holder, needs_all_forms
from shared.http.headers import personal
from shared.runtime.clock import Clock

FAR_AHEAD = timedelta(days=5 * 365)
"""Later events are test events: programs that test the system register for an event decades ahead."""

_PROGRESS = text("""
    WITH people_event AS (
        SELECT id, title ->> 'en' AS title FROM public_event WHERE starts_at IS NULL OR starts_at < :far_ahead
    ), people_form AS (
        SELECT f.slug, f.event_id, f.partners FROM form f
        WHERE f.event_id IS NULL OR f.event_id IN (SELECT id FROM people_event)
    )
    SELECT
        EXISTS (SELECT FROM working_group_copy) AS groups,
        (SELECT id FROM people_event ORDER BY id IN (SELECT event_id FROM people_form), id LIMIT 1) AS event,
        (SELECT slug FROM partner ORDER BY slug LIMIT 1) AS partner,
        (SELECT slug FROM form_draft WHERE based_on IS NULL ORDER BY changed_at DESC LIMIT 1) AS draft,
        (SELECT slug FROM people_form ORDER BY partners = '{}', slug LIMIT 1) AS form,
        EXISTS (SELECT FROM people_form WHERE partners <> '{}') AS is_shown,
        EXISTS (SELECT FROM access_holder WHERE NOT revoked) AS colleagues,
        EXISTS (SELECT FROM registration WHERE form IN (SELECT slug FROM people_form)) AS registrations
""")


@dataclass(frozen=True, slots=True)
class Progress:
    """The set-up records that exist.

    Attributes:
        groups: whether there is a working group.
        event: the id of an announced event, one without a form first; None if no event is announced.
        partner: the slug of a partner.
        draft: the slug of a new form that is not published.
        form: the slug of a published form, one that a partner may show first.
        is_shown: whether a partner may show a form.
        colleagues: whether a colleague was invited.
        registrations: whether there is a registration.
    """

    groups: bool
    event: str | None
    partner: str | None
    draft: str | None
    form: str | None
    is_shown: bool
    colleagues: bool
    registrations: bool


def has_form(connection: Connection, now: datetime) -> bool:
    """Whether a form for people is published. Arguments as of :func:`read_progress`."""
    return read_progress(connection, now).form is not None


def read_progress(connection: Connection, now: datetime) -> Progress:
    """Read the progress of the set-up.

    Args:
        connection: the connection to the database of registration.
        now: the time, aware.
    """
    row: Any = connection.execute(_PROGRESS, {"far_ahead": now + FAR_AHEAD}).one()
    return Progress(**row._mapping)


ADMINISTRATOR = "administrator"
FORMS = "/console/registrations/forms"


@dataclass(frozen=True, slots=True)
class SetupStep:
    """A step of the set-up.

    Attributes:
        title: what to do.
        reason: why to do it.
        act: the words on its button.
        path: the path to which the button leads; empty if an earlier step must be done first.
        done: whether it is done.
        again: the path of the created record.
        is_next: whether it is the first open step.
    """

    title: str
    reason: str
    act: str
    path: str
    done: bool
    again: str
    is_next: bool = False


def add_first_steps(blueprint: Blueprint, work: UnitOfWork, clock: Clock) -> None:
    """``/console/registrations/first-steps``."""

    @blueprint.get(FIRST_STEPS.removeprefix(HOME))
    @needs_all_forms("coordinator")
    def first_steps() -> Response:
        with work.transaction() as connection:
            progress = read_progress(connection, clock())
        steps = steps_of(progress, holder().roles)
        return personal(make_response(render_template("registrations/first_steps.html", steps=steps)))


def steps_of(progress: Progress, roles: Collection[str]) -> list[SetupStep]:
    """The steps in order; inviting a person only for users who may do so."""
    every = [_group(progress), _event(progress), _partner(progress), _form(progress), _lines(progress)]
    every += [_colleague(progress)] if ADMINISTRATOR in roles else []
    every.append(_people(progress))
    first = next((number for number, step in enumerate(every) if not step.done and step.path), None)
    return [replace(step, is_next=number == first) for number, step in enumerate(every)]


def _group(progress: Progress) -> SetupStep:
    reason = "People belong to a group and represent it. You see which groups have no representative yet."
    new = "/console/set-up/working-groups/new"
    return SetupStep("Create a working group", reason, "New working group", new, progress.groups, "/console/groups")


def _event(progress: Progress) -> SetupStep:
    reason = "It starts as a draft in the overview. Once announced, it is in the programme and can have a form."
    return SetupStep(
        "Create an event and announce it", reason, "New event", "/console/new-event", progress.event is not None, HOME
    )


def _partner(progress: Progress) -> SetupStep:
    reason = "An organisation that shows the form on its web site. Without a partner, people register on our own page."
    new = "/console/registrations/new-partner"
    return SetupStep("Add a partner", reason, "New partner", new, progress.partner is not None, OF_PARTNERS)


def _form(progress: Progress) -> SetupStep:
    reason = "It starts with the usual questions. Add your own, tick the partner, check each language, and publish."
    title = "Create the form and publish it"
    if progress.draft and not progress.form:
        path = f"/console/registrations/form-drafts/{progress.draft}"
        return SetupStep(title, reason, "Continue with the draft", path, False, FORMS)
    path = f"/console/registrations/new-form?event={progress.event}" if progress.event else ""
    return SetupStep(title, reason, "New form", path, progress.form is not None, FORMS)


def _lines(progress: Progress) -> SetupStep:
    reason = "The partner’s web editor pastes it into a page, and people register there."
    title, act = "Give the partner the embed code", "Embed code"
    again = f"{OF_PARTNERS}/{progress.partner}#snippet" if progress.partner else OF_PARTNERS
    return SetupStep(title, reason, act, again if progress.form and progress.partner else "", progress.is_shown, again)


def _colleague(progress: Progress) -> SetupStep:
    reason = "They get a mail. You choose their roles and the last day of their access. They sign in with a passkey."
    act, path = "Invite a colleague", "/console/access/invite"
    return SetupStep("Invite a colleague", reason, act, path, progress.colleagues, "/console/access")


def _people(progress: Progress) -> SetupStep:
    reason = "Try the form yourself, then see who has registered, and write to groups without a representative."
    path = f"/embed/{progress.form}" if progress.form else ""
    people = "/console/registrations"
    return SetupStep("See who registers", reason, "Open the form", path, progress.registrations, people)
