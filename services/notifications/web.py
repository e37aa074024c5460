"""Builds the web applications: settings become keys, letterhead and routes. No worker imports it.

There are two: ``public`` (the links in bulletins) and ``desk`` (the console and the interface with a key). ``web`` is
both in one process. gunicorn calls ``application`` in each of its workers, after the fork.
"""

# size: constructs the application from every feature

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flask import Blueprint as PageBlueprint
from flask import Flask
from sqlalchemy import Engine

from services import EXAMPLE_VALUES
from services import console_words as words
from services.console_pages import CONSOLE, SIGNING
from services.notifications.bulletins.api import bulletin_sending_blueprint, bulletins_blueprint
from services.notifications.bulletins.console import (
    BULLETIN_STATE_WORDS,
    KIND_WORDS,
    NOT_SENT_WORDS,
    OUTCOME_WORDS,
    STATE_WORDS,
    add_changing,
    add_sending,
    add_writing,
)
from services.notifications.bulletins.draft_form import SEGMENT_WORDS
from services.notifications.bulletins.drafts import BulletinContext, Letterhead
from services.notifications.recipients.api import person_export_blueprint, suppressions_blueprint, unsubscribe_blueprint
from services.notifications.rights import DESK, PUBLIC, UNITED, WEB
from services.notifications.settings import NotificationsSettings, read_settings
from services.notifications.tracking.api import mails_blueprint
from services.notifications.tracking.console import add_not_notified, add_overview
from services.notifications.webhooks.api import webhooks_blueprint
from services.notifications.webhooks.service import WebhookService
from services.notifications.wiring import MIGRATIONS, NAME
from shared.cli.settings import open_web_engine
from shared.console.frame import frame_blueprint, pages_blueprint
from shared.db.quarantine import QuarantineWatch
from shared.db.readiness import ClockComparison, DatabaseTime, read_database_time, readiness
from shared.db.unit_of_work import UnitOfWork
from shared.http.app import WebParts, make_app
from shared.http.audit_log import audit_log_routes
from shared.http.holders import AccessFile
from shared.http.sign_in import CookieKeys, key_holders
from shared.i18n.paragraphs import pieces_of
from shared.runtime.clock import Clock, system_clock
from shared.runtime.logs import configure_logs
from shared.runtime.tracing import start_tracing
from shared.security.keys import KeyChecks
from shared.security.sealing import Vault

LARGEST_BODY = 1024 * 1024
"""A bulletin in six languages of maximum length, as a browser encodes it: Chinese takes nine bytes a character."""

BULLETINS = ("/v1/bulletins", "/console/mail/bulletins")
"""Paths where bulletins are written: only these accept larger bodies."""

LINKS = ("/u/",)
"""Unsubscribe links: their requests have priority under load."""

PROBLEM_STATUSES = {"bulletin-invalid": 422, "time-not-usable": 422, "too-many-tests": 429, "webhook-refused": 422}
"""Status of a problem by its code, for the codes that only this service raises; 409 for all others."""

TEMPLATE_NAMES = {
    "words": words,
    "pieces_of": pieces_of,
    "kind_words": KIND_WORDS,
    "state_words": STATE_WORDS,
    "bulletin_state_words": BULLETIN_STATE_WORDS,
    "outcome_words": OUTCOME_WORDS,
    "not_sent_words": NOT_SENT_WORDS,
    "segment_words": SEGMENT_WORDS,
}
"""Names in all templates of the console."""


def build_app(
    settings: NotificationsSettings,
    engine: Engine,
    clock: Clock = system_clock,
    database_time: DatabaseTime = read_database_time,
) -> Flask:
    """The web application on ``engine`` of the kind of process that ``settings`` are of."""
    kinds = UNITED[WEB] if settings.common.process == WEB else (settings.common.process,)
    work, common = UnitOfWork(engine, NAME), settings.common
    keys = KeyChecks(work, settings.held_keys, NAME)
    holders, operations, pages = None, list[Any](), list[PageBlueprint]()
    if PUBLIC in kinds:
        pages.append(unsubscribe_blueprint(work, clock, Vault(list(settings.unsubscribe_keys))))
    if DESK in kinds:
        cookie = CookieKeys(common.signing_public_keys)
        holders = key_holders(AccessFile(common.access_file), work, clock, cookie, common.deployment)
        context = _bulletin_context(settings, work, clock)
        operations += _operations(settings, context)
        pages += [frame_blueprint(holders.sign_in, CONSOLE), console_blueprint(context)]
    parts = WebParts(
        service=NAME,
        title="Troika: notifications",
        examples=(Path(__file__).with_name("examples.json"), EXAMPLE_VALUES),
        operations=operations,
        pages=pages,
        ready=readiness(work, MIGRATIONS, ClockComparison(clock, work, NAME, database_time).problem, keys.problem),
        keys=keys,
        larger_bodies=dict.fromkeys(BULLETINS, LARGEST_BODY) if DESK in kinds else {},
        links=LINKS,
        quarantine=QuarantineWatch(work, NAME),
        paused=LINKS,
        statuses=PROBLEM_STATUSES,
        signing=SIGNING,
    )
    return make_app(parts, holders, common.deployment)


def _bulletin_context(settings: NotificationsSettings, work: UnitOfWork, clock: Clock) -> BulletinContext:
    letterhead = Letterhead(settings.common.public_url, settings.mail_from, settings.organiser)
    return BulletinContext(work, clock, letterhead, Vault(list(settings.vault_keys)), settings.mail_domain)


def _operations(settings: NotificationsSettings, context: BulletinContext) -> Sequence[Any]:
    work, clock = context.work, context.clock
    return [
        mails_blueprint(work),
        bulletins_blueprint(context),
        bulletin_sending_blueprint(context),
        suppressions_blueprint(work, clock),
        webhooks_blueprint(WebhookService(work, clock, Vault(list(settings.webhook_keys)))),
        audit_log_routes(NAME, work),
        person_export_blueprint(work, clock),
    ]


def console_blueprint(context: BulletinContext) -> PageBlueprint:
    """``/console/mail``."""
    blueprint = pages_blueprint("mail_console", __name__)
    blueprint.context_processor(lambda: TEMPLATE_NAMES)
    add_overview(blueprint, context.work)
    add_not_notified(blueprint, context.work, context.clock)
    add_writing(blueprint, context)
    add_changing(blueprint, context)
    add_sending(blueprint, context)
    return blueprint


def application(process: str = WEB) -> Flask:
    """The application with its own engine.

    Args:
        process: the kind of process, see :mod:`services.notifications.rights`.
    """
    configure_logs(NAME, process)
    settings = read_settings(process)
    start_tracing(NAME, process, settings.common.otlp_url)
    return build_app(settings, open_web_engine(settings.common))
