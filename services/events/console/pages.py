"""All pages about events together, and what waits for the reader's decision."""

from flask import Blueprint

from services.events.console import changing_words, moments, wording
from services.events.console.changing import add_changing
from services.events.console.event_forms import add_event_forms
from services.events.console.event_list import add_event_list
from services.events.console.event_page import READERS as READERS
from services.events.console.event_page import add_event_page
from services.events.console.overview import add_overview
from services.events.console.resource_forms import add_resource_forms
from services.events.console.translations import add_translations
from services.events.store.partner_copies import WaitingOrigins, waiting_origins
from services.events.store.waiting_approvals import count_waiting
from shared.core.clock import Clock
from shared.store.unit_of_work import UnitOfWork
from shared.web.access import holder
from shared.web.console.frame import pages_blueprint

APPROVERS = frozenset({"sealed-reader", "coordinator"})
"""Roles that may approve what another person asks for about sealed answers."""


def console_blueprint(work: UnitOfWork, clock: Clock) -> Blueprint:
    """``/console`` and everything about events below it."""
    blueprint = pages_blueprint("events_console", __name__)
    blueprint.context_processor(lambda: {"moments": moments, "wording": wording, "changing": changing_words})
    blueprint.context_processor(
        lambda: {
            "approvals_waiting": lambda: _approvals_waiting(work, clock),
            "origins_waiting": lambda: _origins_waiting(work),
        }
    )
    add_event_list(blueprint, work, clock)
    add_event_page(blueprint, work, clock)
    add_event_forms(blueprint, work, clock)
    add_resource_forms(blueprint, work, clock)
    add_changing(blueprint, work, clock)
    add_overview(blueprint, work, clock)
    add_translations(blueprint, work)
    return blueprint


def _approvals_waiting(work: UnitOfWork, clock: Clock) -> int:
    """How many requests wait for the approval of whoever opens the page; 0 for roles that approve nothing."""
    if not holder().roles & APPROVERS:
        return 0
    with work.transaction() as connection:
        return count_waiting(connection, holder().name, holder().forms, clock())


def _origins_waiting(work: UnitOfWork) -> WaitingOrigins:
    """What waits for a decision about partners' sites; nothing for readers who may not decide."""
    if "coordinator" not in holder().roles or holder().forms is not None:
        return WaitingOrigins(0, ())
    with work.transaction() as connection:
        return waiting_origins(connection)
