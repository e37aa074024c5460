"""Builds what calls partners. The other workers call nobody and do without what it takes."""

from services.notifications.calling.caller import Caller
from services.notifications.delivering import Deliverer
from services.notifications.settings import NotificationsSettings
from services.notifications.usecases.deliver import DeliveryTools
from shared.core.sealing import Vault
from shared.store.checked_clock import CheckedClock
from shared.store.unit_of_work import UnitOfWork


def build_deliverer(settings: NotificationsSettings, work: UnitOfWork, clock: CheckedClock) -> Deliverer:
    """One deliverer."""
    return Deliverer(DeliveryTools(work, clock, Vault(list(settings.webhook_keys)), Caller().call))
