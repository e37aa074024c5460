"""Builds what a sender works with. The other workers write no mails and do without the libraries that it takes."""

from services.notifications.mail.transport import SmtpTransport
from services.notifications.sending.batch import SendingTools
from services.notifications.sending.composing import Composer
from services.notifications.sending.sender import Sender
from services.notifications.settings import NotificationsSettings
from shared.core.sealing import Vault
from shared.store.checked_clock import CheckedClock
from shared.store.unit_of_work import UnitOfWork


def build_sending(settings: NotificationsSettings, work: UnitOfWork, clock: CheckedClock) -> SendingTools:
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


def build_sender(settings: NotificationsSettings, work: UnitOfWork, clock: CheckedClock) -> Sender:
    """One sender."""
    return Sender(build_sending(settings, work, clock))
