"""The gateway for tests: nginx with our configuration, before web services that run already."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from deploy.shape import worker_name
from deploy.up.gateway import gateway_unit
from deploy.up.ports import Ports
from tests.support.children import kill_tree, start_child
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until
from tests.support.web import RunningWeb


@contextmanager
def gateway(run: RunFolder, webs: Mapping[str, RunningWeb]) -> Iterator[str]:
    """nginx at the address that is yielded; ended afterwards.

    Args:
        run: that it belongs to.
        webs: by service; all of them.
    """
    folder = run.part("gateway")
    folder.chmod(0o711)
    behind = {worker_name(service, "web"): urlsplit(web.url).port or 0 for service, web in webs.items()}
    ports = Ports({"public": free_port(), "operations": free_port(), **behind})
    unit = gateway_unit(folder, ports)
    log = folder / "gateway.log"
    server = start_child(run, unit.command, env=unit.environment, folder=unit.folder, log=log, account=unit.account)
    try:
        poll_until(unit.ready, 20, what="the gateway listens")
        yield ports.public_url
    finally:
        kill_tree(server)
