"""``python -m services.notifications``: ``web work relay consume send schedule deliver migrate rekey mails …``."""

import sys

from services.notifications.mail_commands import mails
from services.notifications.settings import DELIVER, SCHEDULE, SEND, read_settings
from services.notifications.wiring import build_scheduler, describe
from shared.process.commands import Loop, Worker, main, make_command_line
from shared.process.operator_command import InQuarantine, OperatorGroup
from shared.process.runner import Stop
from shared.process.settings import REKEY
from shared.store.checked_clock import CheckedClock
from shared.store.unit_of_work import UnitOfWork

SWITCH_INTERVAL_S = 0.0001
"""How soon composing yields to the thread that has an answer of the relay or the database to go on with, seconds. With
Python's 5 ms each of ten answers a mail waits for its turn: measured 56 mails/s, against 99 with this."""


def command_line() -> OperatorGroup:
    """All commands of the service."""
    group = make_command_line(
        describe(),
        Worker(SEND, "Hand mails that are due to the mail relay.", send),
        Worker(SCHEDULE, "Turn news of events, recordings, bulletins and dates into mails.", schedule),
        Worker(DELIVER, "Call the addresses of partners.", deliver),
    )
    group.add_command(mails)
    _add_rekey(group)
    return group


def send() -> Loop:
    """Return the loop of the sender."""
    # here alone: calendars, templates and languages take 7 MB, and no other process needs them
    from services.notifications.sender import build_sender

    settings = read_settings(process=SEND)
    sys.setswitchinterval(SWITCH_INTERVAL_S)

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        build_sender(settings, unit, clock).run(stop)

    return work


def schedule() -> Loop:
    """Return the loop of the scheduler."""
    settings = read_settings(process=SCHEDULE)

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        build_scheduler(settings, unit, clock).run(stop)

    return work


def deliver() -> Loop:
    """Return the loop of the deliverer of webhooks."""
    # here alone: no other process calls anybody, nor needs what that takes
    from services.notifications.deliverer import build_deliverer

    settings = read_settings(process=DELIVER)

    def work(unit: UnitOfWork, clock: CheckedClock, stop: Stop) -> None:
        build_deliverer(settings, unit, clock).run(stop)

    return work


def _add_rekey(group: OperatorGroup) -> None:
    @group.command("rekey", in_quarantine=InQuarantine.REFUSED)
    def rekey_book() -> None:
        """Close the recipient book by the newest key of the vault, while mails go out. Run again if interrupted."""
        # here alone: no worker needs it
        from services.notifications.store.bulletin_testers import TESTERS
        from services.notifications.store.reclosing import BOOK, MAILS
        from shared.process.rekeying import rekey

        settings = read_settings(process=REKEY)
        rekey(
            settings.common,
            {
                "entries of the recipient book": BOOK,
                "links and notes of mails that wait": MAILS,
                "addresses for tests": TESTERS,
            },
            settings.vault_keys,
            settings.held_keys,
        )


if __name__ == "__main__":
    main(command_line())
