"""A message names its subject in one spelling, for any sender, because it is compared with stored values."""

import json

import pytest

from shared.messaging.contracts.registry import read
from shared.messaging.contracts.schemas import decode, encode
from shared.runtime.errors import Poison
from tests.contract.samples import sample_message

KEY = "registration.confirmed.v1"


def _written(**changes: object) -> bytes:
    return json.dumps(json.loads(encode(sample_message(KEY))) | changes).encode()


def test_ids_have_the_spelling_of_the_database() -> None:
    sample = sample_message(KEY)
    data = {**sample.data, "registration_id": str(sample.data["registration_id"]).upper()}
    message = decode(_written(id=sample.id.upper(), data=data))
    assert message.id == sample.id.lower()
    assert read(message)["registration_id"] == str(sample.data["registration_id"]).lower()


@pytest.mark.parametrize("identity", ["1", "x" * 36, "01a2132e-9bb6-7383-b206-48a869baddd"])
def test_id_that_is_no_uuid_is_poison_and_spoils_no_batch(identity: str) -> None:
    with pytest.raises(Poison, match="id is not a UUID"):
        decode(_written(id=identity))
