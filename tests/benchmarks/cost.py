"""P10: memory of the whole system at rest, without its servers, and the demo's time to its first page."""

import re
import time
import urllib.request

from deploy.local.ports import free_ports
from tests.benchmarks.processor import pss_mib
from tests.benchmarks.servers import Entry, Servers
from tests.support.processes import Program
from tests.support.waiting import poll_until

AIM_MIB, AIM_DEMO_S = 600.0, 60.0
REST_S = 10
"""After the last start, so that what starting needs is given back."""


def measure(servers: Servers) -> Entry:
    """P10."""
    memory = _at_rest(servers)
    total = round(sum(memory.values()))
    print(f"  {total} MiB: {memory}", flush=True)
    demo_s = _demo(servers)
    print(f"  the demo's first page after {demo_s} s, from an environment that is there (aim: {AIM_DEMO_S:.0f} s)")
    met = total <= AIM_MIB and demo_s <= AIM_DEMO_S
    return {"ratio": total, "aim": AIM_MIB, "met": met, "mib": memory, "demo_s": demo_s, "demo_from": "existing venv"}


def _at_rest(servers: Servers) -> dict[str, float]:
    """MiB by process; a web process is its master and two workers."""
    with servers.whole("cost", servers.rabbit) as whole:
        whole.start()
        whole.start_other_webs()
        time.sleep(REST_S)  # at rest
        assert whole.web is not None
        programs: dict[str, Program] = {**whole.programs, "registration-web": whole.web.program}
        del programs["sink"]
        return {name: round(sum(pss_mib([program.pid]).values()), 1) for name, program in programs.items()}


def _demo(servers: Servers) -> float:
    """Seconds from the command to the first page, on fresh data."""
    ports = free_ports()
    folder = servers.folder / "demo"
    environment = {"TROIKA_DEMO_PORT": str(ports.first), "TROIKA_DEMO_FOLDER": str(folder)}
    with servers.processes() as processes:
        began = time.monotonic()
        demo = processes.start("demo", "deploy.local.demo run", env=environment)
        poll_until(lambda: re.search("Everything answers", demo.log_text()), 180, what="the demo answers")
        with urllib.request.urlopen(f"{ports.public_url}/", timeout=10) as page:
            assert page.status == 200
        took_s = round(time.monotonic() - began, 1)
        demo.terminate(60)
    return took_s
