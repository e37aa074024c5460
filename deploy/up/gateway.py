"""The gateway: nginx with our configuration, filled in from the table of paths."""

import os
from dataclasses import dataclass
from pathlib import Path

from deploy.servers.units import Unit, own_file, own_folder
from deploy.shape import LARGE_BODIES, PUBLIC_PAGES, ROUTES, SERVICES, TOKEN_PATHS, worker_name
from deploy.up.ports import Ports, is_taken
from shared.core.accounts import service_account
from shared.core.proxies import LOOPBACK, TrustedProxies, read_proxies
from shared.web.headers import refusal_headers

TEMPLATE = Path("deploy/nginx/troika.conf")
ANSWERS = Path("deploy/nginx/answers.conf")
"""What the gateway answers by itself; stands in each of its servers."""

PROGRAM = "/usr/sbin/nginx"
PREFIX_SHARES = {"network": 1, "56": 4, "48": 16}
"""How many times the limit of a client network the IPv6 prefixes around it may use."""

KEPT_S = 3
"""A connection to a service that is idle for so long is closed here: sooner than the service does (``keepalive`` in
deploy/gunicorn.conf.py), so that no request is sent into a connection that is just being closed."""

_NO_REFERRER = """\
      proxy_hide_header Referrer-Policy;
      add_header Referrer-Policy no-referrer always;
"""

PRIVATE = "/-/"
NOBODY = TrustedProxies()


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How many requests that change something one client network may send.

    Attributes:
        rate_per_s: in the long run.
        burst: beyond that, at once.
    """

    rate_per_s: int = 50
    burst: int = 200


LIMITS = RequestLimits()


def gateway_unit(folder: Path, ports: Ports, proxies: TrustedProxies = NOBODY, limits: RequestLimits = LIMITS) -> Unit:
    """nginx in the foreground, behind ``proxies``; its folder and configuration are made."""
    account = service_account("www-data", "nobody")
    place = own_folder(folder / "nginx", account).resolve()
    file = own_file(place / "nginx.conf", gateway_configuration(place, ports, proxies, limits), account)
    command = [PROGRAM, "-p", str(place), "-c", str(file), "-e", "stderr"]
    return Unit("gateway", command, {"HOME": str(place)}, place, lambda: is_taken(ports["public"]), account)


def https() -> bool:
    """Whether the public address is HTTPS."""
    return os.environ.get("TROIKA_PUBLIC_URL", "").startswith("https://")


def proxies_in_front() -> TrustedProxies:
    """Networks of the TLS proxy: as ``TROIKA_TRUSTED_PROXIES`` says, else this machine if the public address is https.

    Raises:
        ValueError: they are no networks.
    """
    if named := os.environ.get("TROIKA_TRUSTED_PROXIES"):
        return read_proxies(named)
    return LOOPBACK if https() else NOBODY


def gateway_configuration(
    place: Path, ports: Ports, proxies: TrustedProxies = NOBODY, limits: RequestLimits = LIMITS
) -> str:
    """The text of ``nginx.conf``.

    Args:
        place: folder for what does not fit into memory, and for its pid.
        ports: of the services and of the gateway itself.
        proxies: in front of the gateway; what they say of the client's address is believed.
        limits: for each client network.
    """
    public = [(path, service) for service, paths in ROUTES for path in paths if not path.startswith(PRIVATE)]
    private = [(path, service) for service, paths in ROUTES for path in paths if path.startswith(PRIVATE)]
    filled = {
        "folder": str(place),
        "public": str(ports["public"]),
        "operations": str(ports["operations"]),
        **{f"rate_{zone}": str(limits.rate_per_s * share) for zone, share in PREFIX_SHARES.items()},
        **{f"burst_{zone}": str(limits.burst * share) for zone, share in PREFIX_SHARES.items()},
        "headers": "".join(
            f'      add_header {name} "{value}" always;\n' for name, value in refusal_headers(https=https())
        ),
        "proxies": "".join(f"  set_real_ip_from {network};\n" for network in proxies.networks),
        "upstreams": "".join(_upstream(service, ports[worker_name(service, "web")]) for service in SERVICES),
        "locations": "".join(_location(path, service) for path, service in public),
        "operations_locations": "".join(_location(path, service) for path, service in private),
    }
    text = TEMPLATE.read_text(encoding="utf-8").replace("@answers@", ANSWERS.read_text(encoding="utf-8"))
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text


def _upstream(service: str, port: int) -> str:
    kept = f"    keepalive 32;\n    keepalive_timeout {KEPT_S}s;\n"
    return f"  upstream {service} {{\n    server 127.0.0.1:{port} max_fails=0;\n{kept}  }}\n"


def _location(path: str, service: str) -> str:
    """The longest beginning wins, as in ``deploy.shape.service_for`` the first (a test holds the two together)."""
    size = f"      client_max_body_size {LARGE_BODIES[path]};\n" if path in LARGE_BODIES else ""
    kept = "      proxy_cache pages;\n" if path in PUBLIC_PAGES else ""
    secret = _NO_REFERRER if path in TOKEN_PATHS else ""
    return f"    location ^~ {path} {{\n      proxy_pass http://{service};\n{size}{kept}{secret}    }}\n"
