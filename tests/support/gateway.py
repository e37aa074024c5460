"""The gateway for tests: nginx with our configuration, before web services that already run."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from deploy.shape import WEB_PROCESSES, worker_name
from deploy.up.gateway import gateway_unit
from deploy.up.ports import InstallationPorts
from tests.support.children import kill_tree, start_child
from tests.support.ports import free_port
from tests.support.run_folder import RunFolder
from tests.support.waiting import poll_until
from tests.support.web import RunningWeb


@contextmanager
def gateway(run: RunFolder, webs: Mapping[str, RunningWeb]) -> Iterator[str]:
    """nginx, whose public address is yielded; ended afterwards.

    Args:
        run: that it belongs to.
        webs: by service; all of them. That of registration is all of its web processes in one.
    """
    folder = run.part("gateway")
    folder.chmod(0o711)
    ports = gateway_ports({service: urlsplit(web.url).port or 0 for service, web in webs.items()})
    unit = gateway_unit(folder, ports)
    log = folder / "gateway.log"
    server = start_child(run, unit.command, env=unit.environment, folder=unit.folder, log=log, account=unit.account)
    try:
        poll_until(unit.ready, 20, what="the gateway listens")
        yield ports.public_url
    finally:
        kill_tree(server)


def gateway_ports(webs: Mapping[str, int]) -> InstallationPorts:
    """Free ports for the gateway itself, before web processes that listen on ``webs``, by service or process."""
    behind = {worker_name(*web): webs.get(worker_name(*web)) or webs[web[0]] for web in WEB_PROCESSES}
    return InstallationPorts({name: free_port() for name in ("public", "desk", "operations")} | behind)
