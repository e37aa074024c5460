"""Builds the web applications: settings become transactions and routes. No worker imports it.

There are two: ``public`` (the programme, its calendars, and reading the public interface) and ``desk`` (the console and
the interface with a key). ``web`` is both in one process. gunicorn calls ``application`` in each of its workers, after
the fork.
"""

# size: constructs the application from every feature

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Blueprint as Pages
from flask import Flask
from sqlalchemy import Engine

from services import EXAMPLE_VALUES
from services.console_pages import CONSOLE, SIGNING
from services.events.attendance.api import add_counts, add_roster
from services.events.desk.api import add_coverage, add_events
from services.events.desk.change_api import add_changes, add_notes
from services.events.desk.console import console_blueprint
from services.events.event.service import EventsContext
from services.events.network.consultations import CONSULTATION_LOG, GROUP_CONTACTS, TOTALS, totals_of
from services.events.network.kinds import ALL_SERIES, HOTEL_BLOCKS, WORKING_GROUPS
from services.events.network.resources import RESOURCES, readable_resources, resources_blueprint
from services.events.network.service import show_titles
from services.events.overview.api import coverage_list, overview_blueprint
from services.events.overview.clashes_api import clashes_blueprint
from services.events.overview.console import add_overview, add_translations
from services.events.overview.person_export import person_export_blueprint
from services.events.programme.feeds import feeds_blueprint
from services.events.programme.pages import programme_blueprint
from services.events.rights import DESK, PUBLIC, UNITED, WEB
from services.events.scheduling.api import published_schedule_blueprint, schedule_blueprint
from services.events.scheduling.console import timetable_console
from services.events.scheduling.rooms import ROOMS, SLOTS
from services.events.settings import EventsSettings, read_settings
from services.events.setup.api import KindApi, question_blueprint
from services.events.setup.console import SetupPages
from services.events.setup.kinds import SetupKind
from services.events.setup.list_pages import add_lists
from services.events.side_events.api import proposals_blueprint
from services.events.side_events.reading import SideEventsContext
from services.events.side_events.speakers import speakers_console, speakers_list
from services.events.wiring import MIGRATIONS, NAME, proposal_keys
from shared.cli.settings import open_web_engine
from shared.console.frame import frame_blueprint
from shared.db.quarantine import QuarantineWatch
from shared.db.readiness import ClockComparison, DatabaseTime, read_database_time, readiness
from shared.db.unit_of_work import UnitOfWork
from shared.http.app import WebParts, make_app
from shared.http.audit_log import audit_log_routes
from shared.http.holders import AccessFile
from shared.http.page_cache import CachedPages
from shared.http.request_data import Blueprint
from shared.http.sign_in import CookieKeys, SignIn, key_holders
from shared.runtime.clock import Clock, system_clock
from shared.runtime.logs import configure_logs
from shared.runtime.tracing import start_tracing
from shared.security.keys import KeyChecks

PUBLIC_PAGES = ("/programme", "/calendar/")
"""The programme and its calendars: the same for everyone."""

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
    """The web application on ``engine`` of the kind of process that ``settings`` are of."""
    kinds = UNITED[WEB] if settings.common.process == WEB else (settings.common.process,)
    work = UnitOfWork(engine, NAME)
    common = settings.common
    side = SideEventsContext(work, clock, proposal_keys(settings))
    keys = KeyChecks(work, settings.held_keys, NAME)
    holders, operations, pages = None, _public_operations(side), list[Pages]()
    if DESK in kinds:
        cookie = CookieKeys(common.signing_public_keys)
        holders = key_holders(AccessFile(common.access_file), work, clock, cookie, common.deployment)
        operations = _operations(side)
        pages += _desk_pages(side, holders.sign_in, common.public_url)
    if PUBLIC in kinds:
        pages += [
            programme_blueprint(work, clock, common.public_url),
            feeds_blueprint(work, common.public_url),
        ]
    parts = WebParts(
        service=NAME,
        title="Troika: events",
        examples=(Path(__file__).with_name("examples.json"), EXAMPLE_VALUES),
        operations=operations,
        pages=pages,
        ready=readiness(work, MIGRATIONS, ClockComparison(clock, work, NAME, database_time).problem, keys.problem),
        keys=keys,
        cached=CachedPages(PUBLIC_PAGES) if PUBLIC in kinds else CachedPages(),
        clock=clock,
        quarantine=QuarantineWatch(work, NAME),
        signing=SIGNING,
    )
    return make_app(parts, holders, common.deployment)


def _public_operations(side: SideEventsContext) -> Sequence[Any]:
    """What everyone may read, which ``_operations`` has too."""
    context = EventsContext(side.work, side.clock)
    return [
        _public_events_blueprint(context),
        *(_kind_api(context, kind).public_blueprint() for kind in KINDS if kind.listing.public),
        published_schedule_blueprint(side.work),
    ]


def _operations(side: SideEventsContext) -> Sequence[Any]:
    context = EventsContext(side.work, side.clock)
    return [
        _events_blueprint(context),
        *(_api(context, kind) for kind in KINDS),
        resources_blueprint(context),
        proposals_blueprint(side),
        schedule_blueprint(side),
        overview_blueprint(context),
        *_questions(context, side),
        audit_log_routes(NAME, context.work),
        person_export_blueprint(side),
    ]


def _public_events_blueprint(context: EventsContext) -> Any:
    blueprint = Blueprint("events", __name__, url_prefix="/v1/events", description="Events, and who attends")
    add_events(blueprint, context)
    return blueprint


def _events_blueprint(context: EventsContext) -> Any:
    blueprint = _public_events_blueprint(context)
    add_counts(blueprint, context)
    add_coverage(blueprint, context)
    add_roster(blueprint, context, lambda: show_titles(context.work).of)
    add_changes(blueprint, context)
    add_notes(blueprint, context)
    return blueprint


def _desk_pages(side: SideEventsContext, sign_in: SignIn, public_url: str) -> Sequence[Pages]:
    context = EventsContext(side.work, side.clock)
    return [
        frame_blueprint(sign_in, CONSOLE),
        _console_pages(context),
        _setup_pages(context),
        timetable_console(side, public_url),
        speakers_console(side),
    ]


def _console_pages(context: EventsContext) -> Pages:
    blueprint = console_blueprint(context.work, context.clock)
    add_overview(blueprint, context.work, context.clock)
    add_translations(blueprint, context.work)
    return blueprint


def _questions(context: EventsContext, side: SideEventsContext) -> Sequence[Any]:
    lists = (coverage_list(context.work), speakers_list(side))
    return [*map(question_blueprint, lists), clashes_blueprint(context)]


def _api(context: EventsContext, kind: SetupKind[Any]) -> Any:
    api = _kind_api(context, kind)
    return api.reading_blueprint() if kind is RESOURCES else api.blueprint()


def _kind_api(context: EventsContext, kind: SetupKind[Any]) -> KindApi:
    if kind is CONSULTATION_LOG:
        return KindApi(context, kind, more=totals_of, more_fields=TOTALS)
    if kind is RESOURCES:
        return KindApi(context, kind, readable_resources)
    return KindApi(context, kind)


def _setup_pages(context: EventsContext) -> Pages:
    pages = SetupPages(context, KINDS)
    blueprint = pages.blueprint()
    add_lists(blueprint, pages)
    return blueprint


def application(process: str = WEB) -> Flask:
    """The application on its own engine.

    Args:
        process: the kind of process, see :mod:`services.events.rights`.
    """
    configure_logs(NAME, process)
    settings = read_settings(process)
    start_tracing(NAME, process, settings.common.otlp_url)
    return build_app(settings, open_web_engine(settings.common))
