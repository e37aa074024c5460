"""``python -m services.notifications``: ``web work relay consume send schedule deliver migrate rekey mails …``."""

import sys

from services.notifications.mail_commands import mails
from services.notifications.scheduler import Scheduler
from services.notifications.settings import DELIVER, SCHEDULE, SEND, read_settings
from services.notifications.wiring import describe
from shared.cli.commands import Loop, Worker, main, make_command_line
from shared.cli.operator_command import InQuarantine, OperatorGroup
from shared.cli.settings import REKEY
from shared.db.readiness import CheckedClock
from shared.db.unit_of_work import UnitOfWork
from shared.runtime.runner import Stop
from shared.security.sealing import Vault

SWITCH_INTERVAL_S = 0.0001
"""How soon composing yields to the thread that has an answer from the relay or the database, seconds. With Python's
5 ms each of ten answers a mail waits for the interpreter lock: measured 56 mails/s, against 99 with this."""


def command_line() -> OperatorGroup:
    """All commands of the service."""
    group = make_command_line(
        describe(),
        Worker(SEND, "Send due mails to the mail relay.", send),
        Worker(SCHEDULE, "Create mails from changed events, recordings, bulletins and reminders.", schedule),
        Worker(DELIVER, "Deliver webhooks to partners.", deliver),
    )
    group.add_command(mails)
    _add_rekey(group)
    return group


def send() -> Loop:
    """Return the loop of the sender."""
    # imported here: calendars, templates and languages take 7 MB, and no other process needs them
    from services.notifications.sending.composer import Composer
    from services.notifications.sending.sender import Sender, SendingContext
    from services.notifications.sending.smtp import SmtpTransport

    settings = read_settings(process=SEND)
    sys.setswitchinterval(SWITCH_INTERVAL_S)

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        composer = Composer(
            vault=Vault(list(settings.vault_keys)),
            links=Vault(list(settings.unsubscribe_keys)),
            public_url=settings.common.public_url,
            mail_from=settings.mail_from,
            organiser=settings.organiser,
            clock=clock,
        )
        transport = SmtpTransport(settings.smtp_url)
        context = SendingContext(unit, clock, transport, composer, settings.lease, settings.unknown_after)
        Sender(context).run(stop)

    return work


def schedule() -> Loop:
    """Return the loop of the scheduler."""
    settings = read_settings(process=SCHEDULE)

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        Scheduler(unit, clock, settings.mail_domain).run(stop)

    return work


def deliver() -> Loop:
    """Return the loop of the deliverer of webhooks."""
    # imported here: no other process makes HTTP requests
    from services.notifications.webhooks.deliverer import Deliverer, DeliveryContext
    from services.notifications.webhooks.http_client import WebhookClient

    settings = read_settings(process=DELIVER)

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        context = DeliveryContext(unit, clock, Vault(list(settings.webhook_keys)), WebhookClient().call)
        Deliverer(context).run(stop)

    return work


def _add_rekey(group: OperatorGroup) -> None:
    @group.command("rekey", in_quarantine=InQuarantine.REFUSED)
    def reencrypt_recipients() -> None:
        """Re-encrypt the recipients with the newest vault key, while mails are sent. Run again if interrupted."""
        # here alone: no worker needs it
        from services.notifications.bulletins.store import ENCRYPTED_TESTERS
        from services.notifications.mails.store import ENCRYPTED_MAILS
        from services.notifications.recipients.store import ENCRYPTED_RECIPIENTS
        from shared.cli.keys import rotate_keys

        settings = read_settings(process=REKEY)
        rotate_keys(
            settings.common,
            {
                "recipients": ENCRYPTED_RECIPIENTS,
                "links and notes of waiting mails": ENCRYPTED_MAILS,
                "addresses for tests": ENCRYPTED_TESTERS,
            },
            settings.vault_keys,
            settings.held_keys,
        )


if __name__ == "__main__":
    main(command_line())
