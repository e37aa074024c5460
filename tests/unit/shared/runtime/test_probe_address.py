"""Probes and metrics listen on the configured address and on no other."""

import subprocess
import sys

import pytest
import requests

from shared.runtime.deployment import ProbeAddress, read_probe_address
from shared.runtime.errors import SettingsError
from shared.runtime.settings import SettingsEnv
from tests.support.ports import free_port
from tests.support.waiting import poll_until

WORKER = """
from shared.runtime.deployment import read_probe_address
from shared.runtime.settings import SettingsEnv
from shared.runtime.runner import run
run({"wait": lambda stop: stop.wait(60)}, probes=read_probe_address(SettingsEnv()), ready=list)
"""


def _answers(host: str, port: int) -> bool:
    try:
        return requests.get(f"http://{host}:{port}/readyz", timeout=2).status_code == 200
    except requests.ConnectionError:
        return False


@pytest.mark.parametrize(
    ("host", "there", "elsewhere"),
    [("", "127.0.0.1", "127.0.0.2"), ("127.0.0.2", "127.0.0.2", "127.0.0.1"), ("0.0.0.0", "127.0.0.3", "[::1]")],
)
def test_probes_listen_on_the_configured_address(host: str, there: str, elsewhere: str) -> None:
    port = free_port()
    environment = {"TROIKA_METRICS_PORT": str(port), **({"TROIKA_METRICS_HOST": host} if host else {})}
    with subprocess.Popen([sys.executable, "-c", WORKER], env=environment) as worker:
        try:
            poll_until(lambda: _answers(there, port), 20, what="probes answer")
            assert not _answers(elsewhere, port)
        finally:
            worker.terminate()


def test_address_is_read_and_a_name_is_refused() -> None:
    assert read_probe_address(SettingsEnv(environment={})) == ProbeAddress(0, "127.0.0.1")
    named = {"TROIKA_METRICS_HOST": "::", "TROIKA_METRICS_PORT": "9"}
    assert read_probe_address(SettingsEnv(environment=named)) == ProbeAddress(9, "::")
    env = SettingsEnv(environment={"TROIKA_METRICS_HOST": "localhost"})
    read_probe_address(env)
    with pytest.raises(SettingsError, match="TROIKA_METRICS_HOST"):
        env.seal()
