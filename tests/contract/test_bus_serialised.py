"""Only JSON is deserialised: messages in any other format, or declared as one, are parked."""

import gzip
import os
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pika
import pytest
import yaml

from shared.messaging import topology
from shared.messaging.broker import FACTS
from shared.messaging.contracts.schemas import encode
from shared.runtime.ids import new_id
from tests.contract.buses import KEY, QUEUE, Bus, Recorder, limited_rabbitmq, outgoing
from tests.contract.samples import sample_message
from tests.support.rabbitmq import RabbitNode


class Trap:
    """Pickled, it makes a folder as soon as someone unpickles it."""

    def __init__(self, place: Path) -> None:
        self._place = place

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return os.mkdir, (str(self._place),)


def bodies(place: Path) -> dict[str, bytes]:
    """By name: bodies that make ``place`` when they are read as what they are, and others that are no JSON."""
    good = encode(sample_message(KEY))
    return {
        "pickle": pickle.dumps(Trap(place)),
        "pickle in text": pickle.dumps(Trap(place), protocol=0),
        "yaml": f"!!python/object/apply:os.mkdir ['{place}']".encode(),
        "yaml of the right content": yaml.safe_dump({"id": new_id()}).encode(),
        "zipped": zlib.compress(good),
        "gzipped": gzip.compress(good),
    }


NAMES = tuple(bodies(Path("/nowhere")))


def test_trap_springs(tmp_path: Path) -> None:
    """Negative control: a consumer that deserialised these bodies as declared would make the folder."""
    readers: dict[str, Callable[[bytes], Any]] = {
        "pickle": pickle.loads,
        "pickle in text": pickle.loads,
        "yaml": yaml.unsafe_load,
    }
    for name, read in readers.items():
        place = tmp_path / name
        read(bodies(place)[name])
        assert place.is_dir()


@pytest.mark.parametrize("name", NAMES)
def test_body_that_is_no_json_is_parked_and_not_run(limited_bus: Bus, name: str, tmp_path: Path) -> None:
    bus, place, recorder = limited_bus, tmp_path / "made", Recorder()
    bad = outgoing(body=bodies(place)[name])
    [fine, _] = bus.store([outgoing(), bad])
    with bus.listening(recorder):
        [found] = bus.wait_parked(1)
        recorder.wait_done(1)
    assert (found.queue, found.reason, found.body) == (QUEUE, "body is not JSON", bad.body)
    assert (recorder.done, place.exists()) == ([fine], False)


DECLARED_AS = {
    "application/x-python-serialize": {"compression": ""},
    "application/x-yaml": {"compression": ""},
    "application/json": {"compression": "application/x-gzip"},
    "application/data": {"compression": "zlib"},
    "text/plain": {"compression": "nobody's"},
}
"""The property that the library evaluates, unless it is configured to accept JSON alone."""


@pytest.mark.parametrize("kind", DECLARED_AS)
def test_message_declared_as_another_format_is_parked_and_not_run(
    rabbit: RabbitNode, kind: str, tmp_path: Path
) -> None:
    """On RabbitMQ, whose messages carry such words; the embedded bus has none."""
    bus, place, recorder = limited_rabbitmq(rabbit), tmp_path / "made", Recorder()
    topology.declare(bus.address)
    trap = {"application/x-python-serialize": "pickle", "application/x-yaml": "yaml"}.get(kind, "gzipped")
    body = bodies(place)[trap]
    headers = {name: value for name, value in DECLARED_AS[kind].items() if value}
    properties = pika.BasicProperties(
        content_type=kind, content_encoding="utf-8", headers=headers, message_id=new_id(), delivery_mode=2
    )
    connection = pika.BlockingConnection(pika.URLParameters(bus.address.broker_urls[0]))
    connection.channel().basic_publish(FACTS, KEY, body, properties)
    connection.close()
    [fine] = bus.store([outgoing()])
    with bus.listening(recorder):
        [found] = bus.wait_parked(1)
        recorder.wait_done(1)
    assert (found.body, recorder.done, place.exists()) == (body, [fine], False)
