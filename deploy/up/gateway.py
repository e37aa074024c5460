"""The gateway: nginx with our configuration, filled in from the tables of paths.

It has three servers: the public host, the coordinators' host, and a port for operators on this machine.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from deploy.gateway_pages import PAGES, page_headers, page_with, pattern, texts
from deploy.local.ports import is_taken
from deploy.servers.units import Unit, own_file, own_folder
from deploy.shape import (
    DESK_ROUTES,
    LARGE_BODIES,
    PUBLIC_PAGES,
    PUBLIC_ROUTES,
    TOKEN_PATHS,
    WEB_PROCESSES,
    Route,
    operations_path,
    worker_name,
)
from deploy.up.ports import InstallationPorts
from shared.http.headers import refusal_headers
from shared.i18n.languages import LANGUAGES, direction
from shared.runtime.accounts import service_account
from shared.runtime.deployment import LOOPBACK, TrustedProxies, read_proxies

TEMPLATE = Path("deploy/nginx/troika.conf")
ANSWERS = Path("deploy/nginx/answers.conf")
"""What the gateway answers by itself; part of each of its servers."""

LIMITS_PART = Path("deploy/nginx/limits.conf")
"""Limits of client networks; part of both servers that others reach."""

PROGRAM = "/usr/sbin/nginx"
PREFIX_SHARES = {"network": 1, "56": 4, "48": 16}
"""How many times the limit of a client network the IPv6 prefixes around it may use."""

KEPT_S = 3
"""A connection to a service that is idle for so long is closed here: sooner than the service does (``keepalive`` in
deploy/gunicorn.conf.py), so that no request is sent into a connection that is just being closed."""

AWAY_S = 2
"""How long a process that did not take a connection is not asked. nginx heeds it where there is another one."""

_TRY_THE_NEXT = "      proxy_connect_timeout 500ms;\n"
"""Where a process has others beside it.

A lost packet is sent again after a second, so a single process gets more time (``proxy_connect_timeout`` of the whole).
"""

_NO_REFERRER = """\
      proxy_hide_header Referrer-Policy;
      add_header Referrer-Policy no-referrer always;
"""

NO_PROXIES = TrustedProxies()
ON_THIS_MACHINE: Mapping[str, Sequence[str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """How many requests that change something one client network may send.

    Attributes:
        rate_per_s: the number of requests per second in the long run.
        burst: the number of requests beyond that, at once.
    """

    rate_per_s: int = 50
    burst: int = 200


LIMITS = RequestLimits()


def gateway_unit(
    folder: Path,
    ports: InstallationPorts,
    proxies: TrustedProxies = NO_PROXIES,
    limits: RequestLimits = LIMITS,
    behind: Mapping[str, Sequence[str]] = ON_THIS_MACHINE,
) -> Unit:
    """nginx in the foreground, behind ``proxies``; its folder and configuration are made."""
    account = service_account("www-data", "nobody")
    place = own_folder(folder / "nginx", account).resolve()
    file = own_file(place / "nginx.conf", gateway_configuration(place, ports, proxies, limits, behind), account)
    command = [PROGRAM, "-p", str(place), "-c", str(file), "-e", "stderr"]
    return Unit("gateway", command, {"HOME": str(place)}, place, lambda: is_taken(ports["public"]), account)


def https() -> bool:
    """Whether the public address is HTTPS."""
    return os.environ.get("TROIKA_PUBLIC_URL", "").startswith("https://")


def proxies_in_front() -> TrustedProxies:
    """Networks of the TLS proxy: those of ``TROIKA_TRUSTED_PROXIES``, else this machine if the public address is https.

    Raises:
        ValueError: they are no networks.
    """
    if named := os.environ.get("TROIKA_TRUSTED_PROXIES"):
        return read_proxies(named)
    return LOOPBACK if https() else NO_PROXIES


def gateway_configuration(
    place: Path,
    ports: InstallationPorts,
    proxies: TrustedProxies = NO_PROXIES,
    limits: RequestLimits = LIMITS,
    behind: Mapping[str, Sequence[str]] = ON_THIS_MACHINE,
    public_url: str | None = None,
) -> str:
    """The text of ``nginx.conf``.

    Args:
        place: folder for what does not fit into memory, and for its pid.
        ports: the ports of the services and of the gateway itself.
        proxies: the proxies in front of the gateway; the client's address that they report is trusted.
        limits: the limits for each client network.
        behind: addresses of web processes on other hosts, by process (``registration-forms``); the others are here.
        public_url: the public address; None for that of the environment.
    """
    is_https = https() if public_url is None else public_url.startswith("https://")
    several = {name for name, addresses in behind.items() if len(addresses) > 1}
    filled = {
        "folder": str(place),
        "public": str(ports["public"]),
        "desk": str(ports["desk"]),
        "operations": str(ports["operations"]),
        **{f"rate_{zone}": str(limits.rate_per_s * share) for zone, share in PREFIX_SHARES.items()},
        **{f"burst_{zone}": str(limits.burst * share) for zone, share in PREFIX_SHARES.items()},
        "headers": _add_headers(refusal_headers(https=is_https)),
        "page_headers": _add_headers([*page_headers(https=is_https), ("Content-Language", "$page_language")]),
        "page_texts": "".join(_page_texts()),
        **{f"page_{status}": _page(name) for status, name in PAGES.items()},
        "proxies": "".join(f"  set_real_ip_from {network};\n" for network in proxies.networks),
        "upstreams": "".join(
            _upstream(name, behind.get(name) or [f"127.0.0.1:{ports[name]}"])
            for name in (worker_name(*web) for web in WEB_PROCESSES)
        ),
        "public_locations": "".join(_locations(PUBLIC_ROUTES, several)),
        "desk_locations": "".join(_locations(DESK_ROUTES, several)),
        "operations_locations": "".join(_operations(*web) for web in WEB_PROCESSES),
    }
    text = TEMPLATE.read_text(encoding="utf-8")
    for name, part in (("answers", ANSWERS), ("limits", LIMITS_PART)):
        text = text.replace(f"@{name}@", part.read_text(encoding="utf-8"))
    for name, value in filled.items():
        text = text.replace(f"@{name}@", value)
    return text


def _add_headers(headers: Sequence[tuple[str, str]]) -> str:
    return "".join(f'      add_header {name} "{value}" always;\n' for name, value in headers)


def _page_texts() -> Iterator[str]:
    """A variable for each text of the pages, by language."""
    yield _by_language("page_language", {language: language for language in LANGUAGES})
    yield _by_language("page_direction", {language: direction(language) for language in LANGUAGES})
    for status, name in PAGES.items():
        for part, index in (("title", 1), ("text", 2)):
            yield _by_language(f"{name}_{part}", {language: found[index] for language, found in texts(status).items()})


def _by_language(variable: str, values: Mapping[str, str]) -> str:
    lines = "".join(f'    "~*{pattern(language)}" "{value}";\n' for language, value in values.items())
    return f'  map "$arg_lang,$http_accept_language" ${variable} {{\n    default "{values["en"]}";\n{lines}  }}\n'


def _page(name: str) -> str:
    page = page_with("$page_language", "$page_direction", f"${name}_title", f"${name}_text")
    return page.replace("'", "\\'")


def _upstream(name: str, addresses: Sequence[str]) -> str:
    """Requests alternate between several processes; one that cannot be connected to gets none for ``AWAY_S``."""
    kept = f"    keepalive 32;\n    keepalive_timeout {KEPT_S}s;\n"
    servers = "".join(f"    server {address} max_fails=1 fail_timeout={AWAY_S}s;\n" for address in addresses)
    return f"  upstream {name} {{\n{servers}{kept}  }}\n"


def _locations(routes: Sequence[Route], several: Set[str]) -> Iterator[str]:
    """A location for each beginning (nginx takes the longest) and each whole path; ``several`` run more than once.

    Without the slash at its end a beginning is a path of no service; nginx by itself would answer it with 301.
    """
    whole = {path for route in routes for path in route.paths}
    for route in routes:
        for beginning in route.beginnings:
            yield _location(f"^~ {beginning}", beginning, route, several)
            if beginning.endswith("/") and beginning[:-1] not in whole:
                yield f"    location = {beginning[:-1]} {{\n      return 404;\n    }}\n"
        for path in route.paths:
            yield _location(_whole(path), path, route, several)


def _whole(path: str) -> str:
    """What nginx compares a whole path with; ``*`` is one segment."""
    if "*" not in path:
        return f"= {path}"
    return f"~ ^{re.escape(path).replace(re.escape('*'), '[^/]+')}$"


def _location(matches: str, path: str, route: Route, several: Set[str]) -> str:
    name = worker_name(route.service, route.process)
    methods = (
        f"      if ($request_method !~ ^({'|'.join(route.methods)})$) {{ return 405; }}\n" if route.methods else ""
    )
    size = f"      client_max_body_size {LARGE_BODIES[path]};\n" if path in LARGE_BODIES else ""
    kept = "      proxy_cache pages;\n" if path in PUBLIC_PAGES else ""
    secret = _NO_REFERRER if path in TOKEN_PATHS else ""
    upstream = f"      proxy_pass http://{name};\n" + (_TRY_THE_NEXT if name in several else "")
    return f"    location {matches} {{\n{methods}{upstream}{size}{kept}{secret}    }}\n"


def _operations(service: str, process: str) -> str:
    """The same paths of three processes of one service: each is asked below its own name."""
    upstream = f"http://{worker_name(service, process)}/-/{service}/"
    return f"    location ^~ {operations_path(service, process)} {{\n      proxy_pass {upstream};\n    }}\n"
