"""Caddy as the gateway: TLS, the paths of each host, and another process where one does not answer.

The rules are those of nginx (``deploy/up/gateway.py``), from the same tables. What Caddy has no words for: limits of a
client network. The services have limits of their own (``TROIKA_LIMIT_INTAKE``, ``TROIKA_LIMIT_LINK``).
"""

from collections.abc import Iterator, Sequence

from deploy.compose.containers import CLUSTER, HTTP_PORT, Container, serving
from deploy.shape import DESK_ROUTES, LARGE_BODIES, PUBLIC_ROUTES, TOKEN_PATHS, Route
from shared.web.headers import refusal_headers

HEAD = """\
# Written by `make specs` from deploy/shape.py: change deploy/compose/caddy.py, not this file.
# TROIKA_HOST and TROIKA_DESK_HOST get certificates by ACME; names below .localhost by Caddy's own authority.
{
	admin off
	http_port 8080
	https_port 8443
	# Addresses of people and the links that they follow are not logged.
	log {
		output stderr
		level ERROR
		exclude http.log.access http.log.error
	}
	servers {
		timeouts {
			read_header 10s
			read_body 10s
			write 60s
			idle 30s
		}
		max_header_size 32KB
@options@	}
}

# Whatever a client says about who it is and where it comes from is replaced by what we see. A connection that is not
# made, or a process that is stopping, costs nobody anything: another one is asked. What was sent is never sent again.
(balanced) {
	lb_policy round_robin
	lb_retries 3
	lb_try_duration 2s
	lb_try_interval 50ms
	fail_duration 2s
	max_fails 1
	health_interval 1s
	health_timeout 2s
	transport http {
		dial_timeout 500ms
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

"""
IN_A_CLUSTER = """\
		trusted_proxies static {$TROIKA_TRUSTED_PROXIES}
		trusted_proxies_strict
"""
"""Whoever ends TLS in front of it says where a request comes from."""

NOT_FOUND = 'import problem 404 "Not Found" not-found'
NOT_ALLOWED = 'import problem 405 "Method Not Allowed" method-not-allowed'
TOO_LARGE = 'import problem 413 "Content Too Large" too-large'
AWAY = 'import problem 503 "Service Unavailable" unavailable'
USUAL_BODY = "64KB"
SIZES = {"1m": "1MB"}


def caddyfile(size: str) -> str:
    """The text of the Caddyfile of an installation of ``size``."""
    headers = "".join(f'\theader {name} "{value}"\n' for name, value in refusal_headers(https=True))
    scheme, options = ("http://", IN_A_CLUSTER) if size == CLUSTER else ("", "")
    public = _site(f"{scheme}{{$TROIKA_HOST}}", "/programme", PUBLIC_ROUTES, size)
    desk = _site(f"{scheme}{{$TROIKA_DESK_HOST}}", "/console", DESK_ROUTES, size)
    head = HEAD.replace("@headers@", headers).replace("@options@", options)
    return head + "\n".join([*public, "", *desk]) + "\n"


def _site(host: str, start: str, routes: Sequence[Route], size: str) -> Iterator[str]:
    """One host: its routes, the longest beginning first, and a problem for every other path."""
    yield f"{host} {{"
    yield f"\tredir / {start} 302"
    yield "\troute {"
    for number, (path, whole, route) in enumerate(_paths(routes)):
        yield from _route(number, path, route, serving(size, route.service, route.process), whole=whole)
    yield f"\t\t{NOT_FOUND}"
    yield "\t}"
    yield "\thandle_errors 413 {"
    yield f"\t\t{TOO_LARGE}"
    yield "\t}"
    yield "\thandle_errors {"
    yield "\t\theader Retry-After 5"
    yield f"\t\t{AWAY}"
    yield "\t}"
    yield "}"


def _paths(routes: Sequence[Route]) -> list[tuple[str, bool, Route]]:
    """Each path with whether it is a whole one, in the order in which they are compared."""
    whole = [(path, True, route) for route in routes for path in route.paths]
    beginnings = [(path, False, route) for route in routes for path in route.beginnings]
    return [*whole, *sorted(beginnings, key=lambda each: -len(each[0]))]


def _route(number: int, path: str, route: Route, served_by: Sequence[Container], *, whole: bool) -> Iterator[str]:
    matcher = f"@r{number}"
    if whole and "*" in path:
        yield f"\t\t{matcher} path_regexp ^{path.replace('.', '[.]').replace('*', '[^/]+')}$"
    else:
        yield f"\t\t{matcher} path {path}{'' if whole else '*'}"
    yield f"\t\thandle {matcher} {{"
    if route.methods:
        yield f"\t\t\t@other not method {' '.join(route.methods)}"
        yield "\t\t\thandle @other {"
        yield f"\t\t\t\t{NOT_ALLOWED}"
        yield "\t\t\t}"
    yield "\t\t\trequest_body {"
    yield f"\t\t\t\tmax_size {SIZES[LARGE_BODIES[path]] if path in LARGE_BODIES else USUAL_BODY}"
    yield "\t\t\t}"
    if path in TOKEN_PATHS:
        yield "\t\t\theader >Referrer-Policy no-referrer"
    hosts = " ".join(f"{one.name}:{HTTP_PORT}" for one in served_by)
    yield f"\t\t\treverse_proxy {hosts} {{"
    yield f"\t\t\t\thealth_uri /-/{route.service}/readyz"
    yield "\t\t\t\timport balanced"
    yield "\t\t\t}"
    yield "\t\t}"
