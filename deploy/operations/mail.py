"""``troika mail test ADDRESS``: hands one mail to the relay as the sender does, with its login; nothing is stored.

It reads the settings of the process `send`, so it runs where these are: on a machine with the settings of its
processes, and with Compose or in Kubernetes in the container of the sender.
"""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import format_datetime

import click

from deploy.operations.doctor.asking import refused_certificate
from services.notifications.composing.mime import UnusableAddress, domain_of, mailbox, mailbox_header
from services.notifications.sending.smtp import (
    RefusedByRelay,
    SmtpTransport,
    TransportError,
    parse_relay,
    plain_relay,
)
from services.notifications.settings import SEND
from shared.runtime.clock import system_clock
from shared.runtime.errors import SettingsError
from shared.runtime.settings import SMTP, VARIABLE, SettingsEnv

MACHINE = "TROIKA_DOCTOR_SETTINGS"
"""On a machine the command `troika` names the folder with the settings of all processes in it."""

SUBJECT = "Test of the mail relay"
TEXT = """\
This mail was sent by `troika mail test`. The mail relay of Troika has accepted it.

Check in its headers that SPF, DKIM and DMARC have passed (Authentication-Results), and that it is not in the folder
of unwanted mails.
"""


@dataclass(frozen=True, slots=True)
class SenderSettings:
    """Attributes:
    relay: the address of the relay, with its password.
    sender: a mailbox.
    organiser: display name of the sender.
    """

    relay: str = field(repr=False)
    sender: str
    organiser: str


@click.group()
def main() -> None:
    """The mail relay."""


@main.command()
@click.argument("address")
def test(address: str) -> None:
    """Send a mail to ADDRESS: exit 0 if the relay has accepted it, 1 if not."""
    try:
        recipient, settings = mailbox(address), read_sender(os.environ)
    except UnusableAddress as error:
        raise click.UsageError(str(error)) from error
    except SettingsError as error:
        raise click.UsageError(
            f"{error}\nRun it where the settings of the sender are: docs/how-to/operate.md"
        ) from error
    relay = parse_relay(settings.relay)
    login = f"signed in as {relay.user}" if relay.user else "without a login"
    try:
        with SmtpTransport(settings.relay).connect() as session:
            session.begin(settings.sender, recipient)
            reply = session.deliver(message(settings, recipient).as_bytes())
    except RefusedByRelay as error:
        raise click.ClickException(f"{error}: {error.reply}") from error
    except TransportError as error:
        raise click.ClickException(refused_certificate(error) or str(error)) from error
    click.echo(f"{relay.host}:{relay.port} ({relay.security}, {login}) has accepted the mail: {reply}")


def read_sender(environment: Mapping[str, str]) -> SenderSettings:
    """The settings of the process `send`, as far as a test mail needs them.

    Raises:
        SettingsError: they are not there, or wrong.
    """
    machine = environment.get(MACHINE)
    env = SettingsEnv(SEND, {**environment, **({VARIABLE: f"{machine}/notifications-send"} if machine else {})})
    relay = env.parsed("SMTP_URL", str, validate=env.secure(SMTP, plain_relay), about="the mail relay")
    sender = env.parsed("TROIKA_MAIL_FROM", mailbox, about="a mailbox that people read")
    organiser = env.str("TROIKA_ORGANISER", "The organisers")
    env.seal()
    return SenderSettings(relay, sender, organiser)


def message(settings: SenderSettings, recipient: str) -> EmailMessage:
    """The test mail."""
    mail = EmailMessage()
    mail["From"] = mailbox_header("From", settings.organiser, settings.sender)
    mail["To"], mail["Subject"] = recipient, SUBJECT
    mail["Date"] = format_datetime(system_clock())
    mail["Message-ID"] = f"<test-{secrets.token_hex(12)}@{domain_of(settings.sender)}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(TEXT)
    return mail


if __name__ == "__main__":
    main()
