"""The network between a cluster's nodes: it connects them and blocks what a test selects."""

import json
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.broker_network import ALIVE, ASK_PORT
from tests.support.children import kill_tree, start_child
from tests.support.ports import free_port, is_listening
from tests.support.processes import PROJECT
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

NAMES = ["one", "two"]


@pytest.fixture
def plan(run_folder: RunFolder) -> Iterator[dict[str, list[int]]]:
    """A network of two nodes at work; its ports."""
    ports = {"mappers": [free_port(), free_port()], "listeners": [free_port(), free_port()], "lines": [free_port()]}
    plan_given = {"names": NAMES, "mappers": ports["mappers"], "listeners": ports["listeners"], "control": free_port()}
    plan_given["lines"] = [[[0, 1], ports["lines"][0]], [[1, 0], free_port()]]
    command = [sys.executable, "-m", "tests.support.broker_network", json.dumps(plan_given)]
    log = run_folder.part("network") / "output.log"
    child = start_child(run_folder, command, env={}, folder=PROJECT, log=log)
    poll_until(lambda: is_listening(int(str(plan_given["control"]))), 20, what="the network is at work")
    yield ports | {"control": [int(str(plan_given["control"]))]}
    kill_tree(child)


def ask(port: int, request: bytes) -> socket.socket:
    """A connection to a mapper on which ``request`` was sent."""
    connection = socket.create_connection(("127.0.0.1", port), 5)
    connection.sendall(struct.pack(">H", len(request)) + request)
    return connection


def mapped_port(mapper: int, name: str) -> int:
    """The port that a mapper returns; 0: it knows no node of that name."""
    with ask(mapper, bytes([ASK_PORT]) + name.encode()) as connection:
        answer = connection.recv(100)
    return int(struct.unpack(">H", answer[2:4])[0]) if answer[1] == 0 else 0


@contextmanager
def alive(mapper: int, name: str, listener: int) -> Iterator[None]:
    """A node that has registered its port with its mapper."""
    with ask(
        mapper, struct.pack(">BHBBHHH", ALIVE, listener, 77, 0, 6, 5, len(name)) + name.encode() + b"\0\0"
    ) as known:
        assert known.recv(2) == bytes([118, 0])
        yield


def test_others_are_led_to_a_line_and_a_node_to_itself(plan: dict[str, list[int]]) -> None:
    assert mapped_port(plan["mappers"][0], "two") == 0
    with alive(plan["mappers"][1], "two", plan["listeners"][1]):
        assert mapped_port(plan["mappers"][0], "two") == plan["lines"][0]
        assert mapped_port(plan["mappers"][1], "two") == plan["listeners"][1]
    poll_until(lambda: mapped_port(plan["mappers"][0], "two") == 0, 5, what="who has left is forgotten")


def test_blocked_direction_buffers_and_the_other_continues(plan: dict[str, list[int]]) -> None:
    with socket.create_server(("127.0.0.1", plan["listeners"][1])) as listener:
        with socket.create_connection(("127.0.0.1", plan["lines"][0]), 5) as near:
            far, _ = listener.accept()
            with far, socket.create_connection(("127.0.0.1", plan["control"][0]), 5) as control:
                far.settimeout(0.3)
                control.sendall(b"[[0, 1]]\n")
                assert control.recv(10) == b"done\n"
                near.sendall(b"held")
                far.sendall(b"through")
                assert near.recv(10) == b"through"
                with pytest.raises(TimeoutError):
                    far.recv(10)
                control.sendall(b"[]\n")
                far.settimeout(5)
                assert far.recv(10) == b"held"
