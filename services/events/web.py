"""Builds the web application: settings become transactions and routes. No worker imports it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Blueprint as Pages
from flask import Flask
from sqlalchemy import Engine

from services.events.api.changes import add_changes
from services.events.api.event_notes import add_notes
from services.events.api.events import add_events
from services.events.api.overview import overview_blueprint
from services.events.api.person_export import person_export_blueprint
from services.events.api.proposals import proposals_blueprint
from services.events.api.resources import resources_blueprint
from services.events.api.rosters import add_rosters
from services.events.api.schedule import schedule_blueprint
from services.events.api.tools import Tools
from services.events.console.pages import console_blueprint
from services.events.console.timetable_pages import timetable_console
from services.events.network.consultations import CONSULTATION_LOG, GROUP_CONTACTS, TOTALS, totals_of
from services.events.network.groups import ALL_SERIES, WORKING_GROUPS
from services.events.network.hotels import HOTEL_BLOCKS
from services.events.network.resources import RESOURCES, readable
from services.events.programme.feeds import feeds_blueprint
from services.events.programme.pages import programme_blueprint
from services.events.questions.clashes import clashes_blueprint
from services.events.questions.coverage import coverage_list
from services.events.questions.lists import question_blueprint
from services.events.questions.speakers import speakers_list
from services.events.questions.speakers_page import speakers_console
from services.events.settings import EventsSettings
from services.events.setup.api import KindApi
from services.events.setup.console import SetupPages
from services.events.setup.kinds import SetupKind
from services.events.setup.list_pages import add_lists
from services.events.setup.service import SetupDesk
from services.events.usecases.side_tools import SideTools
from services.events.venue.rooms import ROOMS
from services.events.venue.slots import SLOTS
from services.events.wiring import MIGRATIONS, NAME, proposal_keys
from shared.core.clock import Clock, system_clock
from shared.store.checked_clock import CheckedClock, DatabaseTime, read_database_time
from shared.store.key_checks import KeyChecks
from shared.store.quarantine import QuarantineWatch
from shared.store.readiness import readiness
from shared.store.sessions import Sessions
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import AccessFile
from shared.web.access_directory import AccessDirectory
from shared.web.app import KeyHolders, WebParts, make_app
from shared.web.console.frame import frame_blueprint
from shared.web.console.signing import make_sign_in
from shared.web.operations import Blueprint
from shared.web.page_cache import CachedPages
from shared.web.signing_in import SignIn
from shared.web.trail import trail_blueprint

PUBLIC = ("/programme", "/calendar/")
"""The programme and its calendars: the same for everybody."""

KINDS: Sequence[SetupKind[Any]] = (
    WORKING_GROUPS,
    GROUP_CONTACTS,
    CONSULTATION_LOG,
    ROOMS,
    SLOTS,
    HOTEL_BLOCKS,
    ALL_SERIES,
    RESOURCES,
)
"""What coordinators set up, in the order of the console's page."""


def build_app(
    settings: EventsSettings,
    engine: Engine,
    clock: Clock = system_clock,
    database_time: DatabaseTime = read_database_time,
) -> Flask:
    """The web application on ``engine``."""
    work = UnitOfWork(engine, NAME)
    access = AccessDirectory(AccessFile(settings.common.access_file), work, clock)
    sign_in = make_sign_in(access, settings.common.signing_keys, Sessions(work, clock), settings.common.deployment)
    tools, side = Tools(work, clock), SideTools(work, clock, proposal_keys(settings))
    keys = KeyChecks(work, settings.held_keys, NAME)
    parts = WebParts(
        service=NAME,
        title="Troika: events",
        examples=Path(__file__).with_name("examples.json"),
        operations=[
            _events_blueprint(tools),
            *(_api(SetupDesk(work, clock), kind) for kind in KINDS),
            resources_blueprint(tools),
            proposals_blueprint(side),
            schedule_blueprint(side),
            overview_blueprint(tools),
            *_questions(tools, side),
            trail_blueprint(NAME, work),
            person_export_blueprint(side),
        ],
        pages=_pages(tools, side, sign_in, settings.common.public_url),
        ready=readiness(work, MIGRATIONS, CheckedClock(clock, work, NAME, database_time), keys.problem),
        keys=keys,
        cached=CachedPages(PUBLIC),
        clock=clock,
        quarantine=QuarantineWatch(work, NAME),
    )
    return make_app(parts, KeyHolders(access, sign_in), settings.common.deployment)


def _events_blueprint(tools: Tools) -> Any:
    blueprint = Blueprint("events", __name__, url_prefix="/v1/events", description="What is on, and who comes")
    add_events(blueprint, tools)
    add_rosters(blueprint, tools)
    add_changes(blueprint, tools)
    add_notes(blueprint, tools)
    return blueprint


def _pages(tools: Tools, side: SideTools, sign_in: SignIn, public_url: str) -> Sequence[Pages]:
    return [
        frame_blueprint(sign_in),
        console_blueprint(tools.work, tools.clock),
        _setup_pages(SetupDesk(tools.work, tools.clock)),
        programme_blueprint(tools.work, tools.clock, side.keys, public_url),
        feeds_blueprint(tools.work, public_url),
        *_side_event_pages(side, public_url),
    ]


def _side_event_pages(side: SideTools, public_url: str) -> Sequence[Pages]:
    return timetable_console(side, public_url), speakers_console(side)


def _questions(tools: Tools, side: SideTools) -> Sequence[Any]:
    lists = (coverage_list(tools.work), speakers_list(side))
    return [*map(question_blueprint, lists), clashes_blueprint(tools)]


def _api(desk: SetupDesk, kind: SetupKind[Any]) -> Any:
    if kind is CONSULTATION_LOG:
        return KindApi(desk, kind, more=totals_of, more_fields=TOTALS).blueprint()
    if kind is RESOURCES:
        return KindApi(desk, kind, readable).reading_blueprint()
    return KindApi(desk, kind).blueprint()


def _setup_pages(desk: SetupDesk) -> Pages:
    pages = SetupPages(desk, KINDS)
    blueprint = pages.blueprint()
    add_lists(blueprint, pages)
    return blueprint
