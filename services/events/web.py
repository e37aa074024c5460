"""Builds the web application: settings become transactions and routes. No worker imports it."""

from typing import Any

from flask import Flask
from sqlalchemy import Engine

from services.events.api.changes import add_changes
from services.events.api.event_notes import add_notes
from services.events.api.events import add_events
from services.events.api.network import network_blueprint
from services.events.api.overview import overview_blueprint
from services.events.api.person_export import person_export_blueprint
from services.events.api.proposals import proposals_blueprint
from services.events.api.resources import resources_blueprint
from services.events.api.rosters import add_rosters
from services.events.api.schedule import schedule_blueprint
from services.events.api.tools import Tools
from services.events.console.pages import console_blueprint
from services.events.console.timetable_pages import timetable_console
from services.events.programme.feeds import feeds_blueprint
from services.events.programme.pages import programme_blueprint
from services.events.settings import EventsSettings
from services.events.usecases.side_tools import SideTools
from services.events.wiring import MIGRATIONS, NAME, proposal_keys
from shared.core.clock import Clock, system_clock
from shared.store.checked_clock import CheckedClock, DatabaseTime, read_database_time
from shared.store.key_checks import KeyChecks
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
from shared.web.trail import trail_blueprint

PUBLIC = ("/programme", "/calendar/")
"""The programme and its calendars: the same for everybody."""


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
        operations=[
            _events_blueprint(tools),
            network_blueprint(tools),
            resources_blueprint(tools),
            proposals_blueprint(side),
            schedule_blueprint(side),
            overview_blueprint(tools),
            trail_blueprint(NAME, work),
            person_export_blueprint(side),
        ],
        pages=[
            frame_blueprint(sign_in),
            console_blueprint(tools.work, clock),
            programme_blueprint(tools.work, clock, settings.common.public_url),
            feeds_blueprint(tools.work, settings.common.public_url),
            timetable_console(side, settings.common.public_url),
        ],
        ready=readiness(work, MIGRATIONS, CheckedClock(clock, work, NAME, database_time), keys.problem),
        keys=keys,
        cached=CachedPages(PUBLIC),
        clock=clock,
    )
    return make_app(parts, KeyHolders(access, sign_in), settings.common.deployment)


def _events_blueprint(tools: Tools) -> Any:
    blueprint = Blueprint("events", __name__, url_prefix="/v1/events", description="What is on, and who comes")
    add_events(blueprint, tools)
    add_rosters(blueprint, tools)
    add_changes(blueprint, tools)
    add_notes(blueprint, tools)
    return blueprint
