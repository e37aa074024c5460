"""Mail in the console: where mails stand, and the bulletins."""

from flask import Blueprint, render_template

from services.notifications.console import wording
from services.notifications.console.bulletin_pages import add_changing, add_writing
from services.notifications.console.bulletin_sending_pages import BulletinPages, add_sending
from services.notifications.console.not_notified import add_not_notified
from services.notifications.mail.linking import pieces_of
from services.notifications.usecases.oversee import mail_overview
from services.notifications.usecases.write_bulletin import show_bulletins
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder, needs_all_forms
from shared.web.console import words
from shared.web.console.frame import pages_blueprint

SHOWN = 20
"""Bulletins on the page; older ones are found by the API."""


def console_blueprint(pages: BulletinPages) -> Blueprint:
    """``/console/mail``."""
    blueprint = pages_blueprint("mail_console", __name__)
    blueprint.context_processor(lambda: {"words": words, "wording": wording, "pieces_of": pieces_of})
    _add_overview(blueprint, pages.work)
    add_not_notified(blueprint, pages.work, pages.clock)
    add_writing(blueprint, pages)
    add_changing(blueprint, pages)
    add_sending(blueprint, pages)
    return blueprint


def _add_overview(blueprint: Blueprint, work: UnitOfWork) -> None:
    @blueprint.get("/mail")
    @needs_all_forms("viewer", "coordinator", "operator")
    def overview_page() -> str:
        bulletins = show_bulletins(work, {}, SHOWN)[:SHOWN]
        may_write = "coordinator" in holder().roles
        return render_template(
            "mail/overview.html", overview=mail_overview(work), bulletins=bulletins, may_write=may_write
        )
