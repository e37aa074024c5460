"""Caddy as the gateway: TLS, the paths of each host, and another process where one does not answer.

The rules are those of nginx (``deploy/up/gateway.py``), from the same tables. Caddy has no directive for limits of a
client network. The services have their own limits (``TROIKA_LIMIT_INTAKE``).
"""

from collections.abc import Iterator, Sequence

from deploy.compose.containers import CLUSTER, HTTP_PORT, Container, serving
from deploy.gateway_pages import PAGES, page_headers, page_with, pattern, texts
from deploy.shape import DESK_ROUTES, LARGE_BODIES, PUBLIC_ROUTES, TOKEN_PATHS, Route
from shared.http.error_pages import PAGE_TYPE
from shared.http.headers import refusal_headers

HEAD = """\
# Written by `make specs` from deploy/shape.py: change deploy/compose/caddy.py, not this file.
# TROIKA_HOST and TROIKA_DESK_HOST get certificates by ACME; names below .localhost by Caddy's own authority.
{
	admin off
	http_port 8080
	https_port 8443
@redirects@	# Addresses of people and the links that they follow are not logged.
	log {
		output stderr
		level ERROR
		exclude http.log.access http.log.error
	}
	metrics
	servers {
		protocols h1 h2
		timeouts {
			read_header 10s
			# of the whole body and of the whole answer: an import has this long, and an export to a slow line
			read_body 100s
			write 15m
			idle @idle@
		}
		max_header_size 32KB
@options@	}
}

# A process that runs once, or whose copies have one address: a connection that is not made is tried again.
(alone) {
	lb_retries 3
	lb_try_duration 4s
	lb_try_interval 50ms
	import passed_on 1500ms
}

# A process that runs more than once: where a connection is not made, or one is stopping, another one is asked at once.
(balanced) {
	lb_policy round_robin
	lb_retries 3
	lb_try_duration 2s
	lb_try_interval 50ms
	fail_duration 2s
	max_fails 1
	health_interval 2s
	health_timeout 2s
	import passed_on 500ms
}

# Forwarding headers of a client are replaced by what we see. What was sent is never sent
# again.
(passed_on) {
	transport http {
		dial_timeout {args[0]}
		response_header_timeout 30s
		keepalive 3s
		compression off
	}
	header_up X-Forwarded-For {client_ip}
	header_up X-Request-Start "t={time.now.unix_ms}"
	header_up -X-Forwarded-Host
	header_up -X-Real-IP
	header_up -Forwarded
	header_up -Via
	header_up -Proxy
}

# What the gateway itself answers: a problem (RFC 9457) with the headers of every answer.
(problem) {
@headers@	header Content-Type application/problem+json
	respond `{"type":"about:blank","title":"{args[1]}","status":{args[0]},"code":"{args[2]}"}` {args[0]}
}

# In its place, for browsers: a page in the language of the address or of the browser.
@pages@
"""
IN_A_CLUSTER = """\
		trusted_proxies static {$TROIKA_TRUSTED_PROXIES}
		trusted_proxies_strict
"""
"""The proxy that ends TLS in front of it reports where a request comes from."""

IDLE, IDLE_IN_A_CLUSTER = "30s", "2m"
"""How long an idle connection stays open. The proxy in front closes its own first (ingress-nginx after 60 s, Traefik
after 90 s): it sends no request again whose connection was closed under it, and answers 502."""

NO_REDIRECTS = "	auto_https disable_redirects\n"
REDIRECT = """\
# Caddy's own redirect would lead to port 443, whichever port Compose publishes.
http://{$TROIKA_HOST}, http://{$TROIKA_DESK_HOST} {
	redir https://{host}:{$TROIKA_HTTPS_PORT:443}{uri} 308
}

"""
METRICS_PORT = 9180
METRICS = f"""\
http://:{METRICS_PORT} {{
	metrics
}}

"""
"""What Prometheus reads of the gateway, on a port that is not published: no address of a person, no path of a page."""

NOT_FOUND = 'import problem 404 "Not Found" not-found'
NOT_ALLOWED = 'import problem 405 "Method Not Allowed" method-not-allowed'
TOO_LARGE = 'import problem 413 "Content Too Large" too-large'
AWAY = 'import problem 503 "Service Unavailable" unavailable'
USUAL_BODY = "64KB"
SIZES = {"256k": "256KiB", "1m": "1MB", "21m": "21MB"}


def caddyfile(size: str) -> str:
    """The text of the Caddyfile of an installation of ``size``."""
    headers = "".join(f'\theader {name} "{value}"\n' for name, value in refusal_headers(https=True))
    behind_proxy = ("http://", IN_A_CLUSTER, IDLE_IN_A_CLUSTER)
    scheme, options, idle = behind_proxy if size == CLUSTER else ("", "", IDLE)
    public = _site(f"{scheme}{{$TROIKA_HOST}}", "/programme", PUBLIC_ROUTES, size)
    desk = _site(f"{scheme}{{$TROIKA_DESK_HOST}}", "/console", DESK_ROUTES, size)
    pages = "\n".join(_page(status, name) for status, name in PAGES.items())
    redirects, redirect = ("", "") if size == CLUSTER else (NO_REDIRECTS, REDIRECT)
    head = HEAD.replace("@headers@", headers).replace("@options@", options).replace("@idle@", idle)
    return (
        head.replace("@redirects@", redirects).replace("@pages@", pages)
        + METRICS
        + redirect
        + "\n".join([*public, "", *desk])
        + "\n"
    )


def _page(status: int, name: str) -> str:
    """A snippet that answers browsers with the page for ``status``."""
    source = '"{query.lang},{header.Accept-Language}"'
    entries = "".join(
        f"\t\t\t~(?i){pattern(language)} {_values(language, *values)}\n" for language, values in texts(status).items()
    )
    headers = "".join(f'\t\theader {header} "{value}"\n' for header, value in page_headers(https=True))
    page = page_with("{page_language}", "{page_direction}", "{page_title}", "{page_text}")
    return (
        f"({name}_page) {{\n"
        "\t@page header Accept *text/html*\n"
        "\thandle @page {\n"
        f"\t\tmap {source} {{page_language}} {{page_direction}} {{page_title}} {{page_text}} {{\n{entries}"
        f"\t\t\tdefault {_values('en', *texts(status)['en'])}\n"
        "\t\t}\n"
        f"{headers}"
        "\t\theader Content-Language {page_language}\n"
        f'\t\theader Content-Type "{PAGE_TYPE}"\n'
        f"\t\trespond `{page}` {status}\n"
        "\t}\n"
        "}\n"
    )


def _values(*values: str) -> str:
    return " ".join(f'"{value}"' for value in values)


def _site(host: str, start: str, routes: Sequence[Route], size: str) -> Iterator[str]:
    """One host: a problem for methods that are not passed on, the processes, and a problem for every other path."""
    yield f"{host} {{"
    yield f"\tredir / {start} 302"
    yield "\troute {"
    for number, route in enumerate(route for route in routes if route.methods):
        yield f"\t\t@refused{number} {{"
        yield f"\t\t\t{_paths([route])}"
        yield f"\t\t\tnot method {' '.join(route.methods)}"
        yield "\t\t}"
        yield f"\t\thandle @refused{number} {{"
        yield f"\t\t\t{NOT_ALLOWED}"
        yield "\t\t}"
    for (service, process), group in _by_process(routes):
        yield from _process(group, serving(size, service, process))
    yield "\t\timport not_found_page"
    yield f"\t\t{NOT_FOUND}"
    yield "\t}"
    yield "\thandle_errors 413 {"
    yield "\t\timport too_large_page"
    yield f"\t\t{TOO_LARGE}"
    yield "\t}"
    yield "\thandle_errors {"
    yield "\t\theader Retry-After 5"
    yield "\t\timport away_page"
    yield f"\t\t{AWAY}"
    yield "\t}"
    yield "}"


def _by_process(routes: Sequence[Route]) -> list[tuple[tuple[str, str], list[Route]]]:
    """Routes by process: each process is listed once, since each entry checks the health of all its copies.

    A process whose path begins like a shorter one of another process comes before it.

    Raises:
        ValueError: two processes would each have to come before the other.
    """
    groups: dict[tuple[str, str], list[Route]] = {}
    for route in routes:
        groups.setdefault((route.service, route.process), []).append(route)
    left, found = dict(groups), list[tuple[tuple[str, str], list[Route]]]()
    while left:
        free = next(
            (key for key in left if not any(_hides(left[key], left[other]) for other in left if other != key)), None
        )
        if free is None:
            raise ValueError(f"paths of {sorted(left)} hide each other")
        found.append((free, left.pop(free)))
    return found


def _hides(routes: Sequence[Route], others: Sequence[Route]) -> bool:
    """Whether ``routes`` would take paths of ``others`` that name more of the path."""
    mine = [beginning for route in routes for beginning in route.beginnings]
    theirs = [path for route in others for path in (*route.beginnings, *route.paths)]
    return any(path.startswith(beginning) and path != beginning for path in theirs for beginning in mine)


def _paths(routes: Sequence[Route]) -> str:
    """A matcher of all paths of ``routes``."""
    exact = [path for route in routes for path in route.paths if "*" not in path]
    patterns = [
        path.replace(".", "[.]").replace("*", "[^/]+") for route in routes for path in route.paths if "*" in path
    ]
    beginnings = [f"{beginning}*" for route in routes for beginning in route.beginnings]
    if not patterns:
        return f"path {' '.join([*exact, *beginnings])}"
    # one expression: paths and patterns are alternatives
    words = [*(_literally(path) + "$" for path in exact), *(f"{pattern}$" for pattern in patterns)]
    words += [_literally(beginning[:-1]) for beginning in beginnings]
    return f"path_regexp ^({'|'.join(words)})"


def _literally(path: str) -> str:
    return path.replace(".", "[.]")


def _process(routes: Sequence[Route], served_by: Sequence[Container]) -> Iterator[str]:
    """What is passed on to one process, whichever of its copies answers."""
    first = served_by[0]
    name = f"{first.service}-{routes[0].process}"
    large = [path for route in routes for path in route.beginnings if path in LARGE_BODIES]
    secret = [path for route in routes for path in route.beginnings if path in TOKEN_PATHS]
    yield f"\t\t@{name} {_paths(routes)}"
    yield f"\t\thandle @{name} {{"
    for path in large:
        yield f"\t\t\trequest_body {path}* {{"
        yield f"\t\t\t\tmax_size {SIZES[LARGE_BODIES[path]]}"
        yield "\t\t\t}"
    if large:
        yield f"\t\t\t@usual not path {' '.join(f'{path}*' for path in large)}"
    yield f"\t\t\trequest_body {'@usual ' if large else ''}{{"
    yield f"\t\t\t\tmax_size {USUAL_BODY}"
    yield "\t\t\t}"
    if secret:
        yield f"\t\t\t@secret path {' '.join(f'{path}*' for path in secret)}"
        yield "\t\t\theader @secret >Referrer-Policy no-referrer"
    yield from passed_on(first.service, [f"{container.name}:{HTTP_PORT}" for container in served_by])
    yield "\t\t}"


def passed_on(service: str, addresses: Sequence[str]) -> Iterator[str]:
    """The block that hands a request to a process of ``service`` at one of ``addresses``."""
    yield f"\t\t\treverse_proxy {' '.join(addresses)} {{"
    if len(addresses) > 1:
        yield f"\t\t\t\thealth_uri /-/{service}/readyz"
        yield "\t\t\t\timport balanced"
    else:
        yield "\t\t\t\timport alone"
    yield "\t\t\t}"
