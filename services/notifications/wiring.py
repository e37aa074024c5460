"""The only module that builds things: settings become keys, transport, sender, application, command line."""

from collections.abc import Mapping
from pathlib import Path

from flask import Flask
from sqlalchemy import Engine

from services.notifications.api.bulletins import Tools, bulletins_blueprint
from services.notifications.api.mails import mails_blueprint
from services.notifications.api.suppressions import suppressions_blueprint
from services.notifications.api.unsubscribe_pages import unsubscribe_blueprint
from services.notifications.console.pages import console_blueprint
from services.notifications.mail.transport import SmtpTransport
from services.notifications.messaging import Intake, effects
from services.notifications.scheduling import Scheduler
from services.notifications.sending.batch import SendingTools
from services.notifications.sending.composing import Composer
from services.notifications.settings import NotificationsSettings, read_settings
from services.notifications.usecases.write_bulletin import Letterhead
from shared.core.clock import Clock, system_clock
from shared.core.sealing import Vault
from shared.process.service import Service
from shared.store.inbox import Effect
from shared.store.schema_state import is_far_enough, newest_revision
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import AccessFile
from shared.web.app import WebParts, make_app
from shared.web.console.frame import frame_blueprint
from shared.web.signing_in import SignIn

NAME = "notifications"
PEOPLE = ("/u/",)
"""The links by which somebody leaves: who comes by these is let in first."""

MIGRATIONS = Path(__file__).parent / "migrations"
LARGEST_BODY = 1024 * 1024
"""A bulletin in six languages, each at its longest, as a browser encodes it: Chinese takes nine bytes a sign."""


def describe() -> Service:
    """The service, for its command line."""
    return Service(
        name=NAME,
        migrations=MIGRATIONS,
        settings=lambda: read_settings().common,
        effects=lambda _work: build_effects(read_settings()),
        app=lambda engine: build_app(read_settings(), engine),
    )


def build_app(settings: NotificationsSettings, engine: Engine, clock: Clock = system_clock) -> Flask:
    """The web application on ``engine``."""
    work, newest = UnitOfWork(engine, NAME), newest_revision(MIGRATIONS)
    access = AccessFile(settings.common.access_file)
    sign_in = SignIn(access, settings.common.signing_keys[0], secure=settings.common.https)
    letterhead = Letterhead(settings.common.public_url, settings.mail_from, settings.mail_from_name)
    tools = Tools(work, clock, letterhead)
    leaving = unsubscribe_blueprint(tools, Vault(list(settings.vault_keys)))
    parts = WebParts(
        service=NAME,
        title="Troika: notifications",
        operations=[mails_blueprint(work), bulletins_blueprint(tools), suppressions_blueprint(tools)],
        pages=[leaving, frame_blueprint(sign_in), console_blueprint(work, clock, letterhead)],
        ready=lambda: is_far_enough(work, newest),
        largest_body=LARGEST_BODY,
        people=PEOPLE,
    )
    return make_app(parts, access, sign_in, https=settings.common.https, bounds=settings.common.bounds)


def build_effects(settings: NotificationsSettings, clock: Clock = system_clock) -> Mapping[str, Effect]:
    """What messages do, by queue."""
    vault = Vault(list(settings.vault_keys))
    return effects(Intake(clock, settings.private_keys, vault, settings.mail_domain, settings.news_wait))


def build_sending(settings: NotificationsSettings, work: UnitOfWork, clock: Clock = system_clock) -> SendingTools:
    """What a sender works with."""
    composer = Composer(
        vault=Vault(list(settings.vault_keys)),
        public_url=settings.common.public_url,
        mail_from=settings.mail_from,
        organiser=settings.mail_from_name,
        clock=clock,
    )
    transport = SmtpTransport(settings.smtp_url)
    return SendingTools(work, clock, transport, composer, lease=settings.lease, unknown_after=settings.unknown_after)


def build_scheduler(settings: NotificationsSettings, work: UnitOfWork, clock: Clock = system_clock) -> Scheduler:
    """What turns news, announcements and dates into mails."""
    return Scheduler(work, clock, settings.mail_domain)
