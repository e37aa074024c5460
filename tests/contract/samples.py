"""The frozen samples of ``shared/messaging/contracts/samples/``, one for each version of each message type."""

import json
from pathlib import Path
from typing import Any

from shared.messaging.contracts.schemas import Message, decode
from shared.runtime.ids import new_id
from tests.support.processes import PROJECT

FOLDER = PROJECT / "shared" / "messaging" / "contracts" / "samples"


def sample_files() -> dict[str, Path]:
    """Path by routing key, of all samples that are there."""
    return {path.name.removesuffix(".json"): path for path in sorted(FOLDER.iterdir())}


def sample_body(key: str) -> bytes:
    """The bytes of the sample of ``key`` (a routing key)."""
    return sample_files()[key].read_bytes()


def sample(key: str) -> dict[str, Any]:
    """The sample of ``key`` as an object."""
    content: dict[str, Any] = json.loads(sample_body(key))
    return content


def sample_message(key: str, **data: Any) -> Message:
    """The sample of ``key`` as a new message (a fresh id), with ``data`` put over its content."""
    body = sample(key) | {"id": new_id()}
    body["data"] |= data
    return decode(json.dumps(body).encode())
