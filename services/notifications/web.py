"""Builds the web application: settings become keys, letterhead and routes. No worker imports it."""

from pathlib import Path

from flask import Flask
from sqlalchemy import Engine

from services.notifications.api.bulletin_sending import bulletin_sending_blueprint
from services.notifications.api.bulletins import Tools, bulletins_blueprint
from services.notifications.api.mails import mails_blueprint
from services.notifications.api.person_export import person_export_blueprint
from services.notifications.api.suppressions import suppressions_blueprint
from services.notifications.api.unsubscribe_pages import unsubscribe_blueprint
from services.notifications.api.webhooks import webhooks_blueprint
from services.notifications.console.bulletin_sending_pages import BulletinPages
from services.notifications.console.pages import console_blueprint
from services.notifications.settings import NotificationsSettings
from services.notifications.usecases.manage_webhooks import WebhookDesk
from services.notifications.usecases.try_bulletin import TrialDesk
from services.notifications.usecases.write_bulletin import Letterhead
from services.notifications.wiring import MIGRATIONS, NAME
from shared.core.clock import Clock, system_clock
from shared.core.sealing import Vault
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
from shared.web.trail import trail_blueprint

LARGEST_BODY = 1024 * 1024
"""A bulletin in six languages, each at its longest, as a browser encodes it: Chinese takes nine bytes a sign."""

BULLETINS = ("/v1/bulletins", "/console/mail/bulletins")
"""Where bulletins are written: nothing else takes more than a filled form."""

PEOPLE = ("/u/",)
"""The links by which somebody leaves: who comes by these is let in first."""


def build_app(
    settings: NotificationsSettings,
    engine: Engine,
    clock: Clock = system_clock,
    database_time: DatabaseTime = read_database_time,
) -> Flask:
    """The web application on ``engine``."""
    work = UnitOfWork(engine, NAME)
    access = AccessDirectory(AccessFile(settings.common.access_file), work, clock)
    sign_in = make_sign_in(access, settings.common.signing_keys, Sessions(work, clock), settings.common.deployment)
    letterhead = Letterhead(settings.common.public_url, settings.mail_from, settings.mail_from_name)
    vault = Vault(list(settings.vault_keys))
    trial = TrialDesk(work, clock, vault, settings.mail_domain)
    tools = Tools(work, clock, letterhead, trial)
    leaving = unsubscribe_blueprint(tools, vault)
    keys = KeyChecks(work, settings.held_keys, NAME)
    parts = WebParts(
        service=NAME,
        title="Troika: notifications",
        examples=Path(__file__).with_name("examples.json"),
        operations=[
            mails_blueprint(work),
            bulletins_blueprint(tools),
            bulletin_sending_blueprint(tools),
            suppressions_blueprint(tools),
            webhooks_blueprint(WebhookDesk(work, clock, Vault(list(settings.webhook_keys)))),
            trail_blueprint(NAME, work),
            person_export_blueprint(work, clock),
        ],
        pages=[leaving, frame_blueprint(sign_in), console_blueprint(BulletinPages(work, clock, letterhead, trial))],
        ready=readiness(work, MIGRATIONS, CheckedClock(clock, work, NAME, database_time), keys.problem),
        keys=keys,
        larger_bodies=dict.fromkeys(BULLETINS, LARGEST_BODY),
        people=PEOPLE,
        quarantine=QuarantineWatch(work, NAME),
        paused=PEOPLE,
    )
    return make_app(parts, KeyHolders(access, sign_in), settings.common.deployment)
