"""Caddy as a gateway for tests: our file for a cluster, with addresses in place of the names of processes."""

import re
import socket
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from deploy.compose.caddy import METRICS, caddyfile, passed_on
from deploy.compose.containers import CLUSTER
from tests.support.children import kill_tree, start_child
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until

PROGRAM = Path(sys.executable).parent / "caddy"
PUBLIC_HOST, DESK_HOST = "register.localhost", "desk.localhost"
COMMAND = [str(PROGRAM), "run", "--adapter", "caddyfile", "--config", "Caddyfile"]
"""In the folder of the file."""

_PASSED_ON = re.compile(r"\t*reverse_proxy ((\w+)-[\w-]+):8000 \{.*?\}", re.DOTALL)


@contextmanager
def caddy(run: RunFolder, behind: Mapping[str, Sequence[str]]) -> Iterator[int]:
    """Port of a running one; ended afterwards.

    Args:
        run: that it belongs to.
        behind: addresses of the copies of each web process.
    """
    folder, port = run.part("caddy"), free_port()
    environment = write_caddyfile(folder, behind, port, "192.0.2.0/24")
    server = start_child(run, COMMAND, env=environment, folder=folder, log=folder / "log")
    try:
        poll_until(lambda: _listens(port), 20, what="Caddy listens")
        yield port
    finally:
        kill_tree(server)


def write_caddyfile(folder: Path, behind: Mapping[str, Sequence[str]], port: int, proxies: str) -> dict[str, str]:
    """Write the file for a gateway in ``folder``, and return the environment of the program.

    Args:
        folder: in which it runs.
        behind: addresses of the copies of each web process.
        port: to listen on.
        proxies: networks in front of it.
    """
    text = caddyfile(CLUSTER).replace(METRICS, "")  # several gateways of tests run on one machine
    text = _PASSED_ON.sub(lambda found: "\n".join(passed_on(found[2], behind[found[1]])), text)
    (folder / "Caddyfile").write_text(text.replace("http_port 8080", f"http_port {port}"))
    hosts = {"TROIKA_HOST": PUBLIC_HOST, "TROIKA_DESK_HOST": DESK_HOST}
    return {"HOME": str(folder), "TROIKA_TRUSTED_PROXIES": proxies, **hosts}


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
