"""Signatures by Standard Webhooks, verified with its own library, as receivers do."""

from datetime import UTC, datetime, timedelta

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from services.notifications.webhooks.http_client import new_secret, signed_headers

BODY = b'{"test": 2432232314}'


def headers(at: datetime, *signing: str) -> dict[str, str]:
    """Of a call at ``at``."""
    return signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", at, BODY, signing)


def test_signature_is_that_of_the_published_example() -> None:
    """https://github.com/standard-webhooks/standard-webhooks, the libraries' own test of signing."""
    made = headers(datetime.fromtimestamp(1614265330, UTC), "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert (made["webhook-id"], made["webhook-timestamp"]) == ("msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330")


def test_receiver_with_the_old_or_the_new_secret_believes_it() -> None:
    old, new = new_secret(), new_secret()
    made = headers(datetime.now(UTC), new, old)
    for secret in (old, new):
        assert Webhook(secret).verify(BODY, made) == {"test": 2432232314}
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, made)


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
def test_changed_header_is_not_believed(name: str) -> None:
    secret = new_secret()
    made = headers(datetime.now(UTC), secret)
    # the fourth from the end: the last of a base64 text has bits that no one reads
    kept, changed, end = made[name][:-4], made[name][-4], made[name][-3:]
    made[name] = kept + ("1" if changed != "1" else "2") + end
    with pytest.raises((WebhookVerificationError, ValueError)):
        Webhook(secret).verify(BODY, made)


def test_changed_body_is_not_believed() -> None:
    secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY.replace(b"2432232314", b"1"), headers(datetime.now(UTC), secret))


@pytest.mark.parametrize("minutes", [-6, 6])
def test_call_that_is_repeated_later_is_not_believed(minutes: int) -> None:
    secret = new_secret()
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, headers(datetime.now(UTC) + timedelta(minutes=minutes), secret))


def test_no_two_secrets_are_alike_and_each_has_256_bits() -> None:
    made = {new_secret() for _ in range(100)}
    assert (len(made), {len(secret) for secret in made}) == (100, {len("whsec_") + 44})
