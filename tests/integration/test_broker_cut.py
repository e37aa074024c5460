"""The log of relay and consumer during a broker outage: one line at the loss, one when it is back, no traceback."""

import logging
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from shared.messaging import topology
from shared.messaging.broker import REPEAT_EVERY_S, BusAddress, OutageLog
from tests.support.fault_proxy import FaultProxy, Faults
from tests.support.installation import make_installation
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.processes import ProcessGroup
from tests.support.rabbitmq import RabbitNode
from tests.support.waiting import poll_until

CONNECTED = 'troika_broker_connected{role="%s",service="events"} 1.0'


@pytest.mark.parametrize(("role", "name"), [("relay", "relay"), ("consume", "consumer")])
def test_broker_cut_is_logged_in_one_line_without_a_traceback(
    role: str, name: str, rabbit: RabbitNode, postgres: PostgresServer, processes: ProcessGroup, tmp_path: Path
) -> None:
    broker_url = rabbit.fresh_vhost()
    topology.declare(BusAddress(broker_urls=(broker_url,)))
    parts = urlsplit(broker_url)
    environment = make_installation(postgres, tmp_path).environment("events", role)
    metrics_port = free_port()
    with FaultProxy(parts.port or 0) as proxy:
        routed = parts._replace(netloc=parts.netloc.replace(f":{parts.port}", f":{proxy.port}")).geturl()
        environment |= {"TROIKA_BROKER_URL": routed, "TROIKA_METRICS_PORT": str(metrics_port)}
        program = processes.start(name, f"services.events {role}", env=environment)
        program.wait_ready(f"http://127.0.0.1:{metrics_port}/readyz")
        poll_until(lambda: _is_connected(metrics_port, name), 20, what="connected")
        before = len(program.log_text())
        proxy.set(Faults(refuse=True))
        poll_until(lambda: not _is_connected(metrics_port, name), 10, what="the cut is noticed")
        time.sleep(2.0)  # several attempts to connect, in vain
        proxy.heal()
        poll_until(lambda: _is_connected(metrics_port, name), 20, what="connected again")
        written, lines = program.log_text()[before:], program.logs()
    assert "Traceback" not in written
    lines = [line for line in lines if line.get("connection") == f"events-{name}"]
    assert [(line["level"], line["message"]) for line in lines] == [
        ("WARNING", "broker connection lost"),
        ("INFO", "broker connection restored"),
    ]
    assert lines[0]["reason"].startswith(("StreamLostError", "ConnectionResetError"))
    assert len(written.splitlines()) == len(lines), written


def test_long_outage_is_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    now_s = [0.0]
    outage = OutageLog("events-relay", lambda: now_s[0])
    outage.restored()
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            outage.lost("ConnectionRefusedError")
            now_s[0] += REPEAT_EVERY_S / 2
        outage.restored()
        outage.lost("StreamLostError")
    assert caplog.messages == [
        "broker connection lost",
        "broker still unreachable",
        "broker still unreachable",
        "broker connection restored",
        "broker connection lost",
    ]


def _is_connected(port: int, name: str) -> bool:
    return CONNECTED % name in requests.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
