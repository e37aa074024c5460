"""The messages that benchmarks consume are those that the notifications service accepts."""

from nacl.public import PrivateKey

from services.notifications.consumers import read_cause
from shared.security.sealing import public_key_of
from tests.benchmarks.sample_messages import confirmed_sealed_to


def test_confirmed_message_is_a_cause_of_a_mail() -> None:
    private = bytes(PrivateKey.generate())
    (message,) = confirmed_sealed_to(public_key_of(private), 1)
    cause = read_cause(message, [private])
    assert (cause.kind, cause.recipient.subject) == ("confirmation", message.data["registration_id"])
