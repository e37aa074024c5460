"""Checks of the network: public address, headers, operators' paths, certificates, trusted proxies, Prometheus."""

import json
from collections.abc import Iterator
from datetime import timedelta
from ipaddress import ip_network
from urllib.parse import quote, urlsplit

from deploy.operations.doctor.grading import CheckResult, GradedHost, failed, not_asked, ok, warning
from deploy.operations.doctor.probes import REFUSED_CERTIFICATE, Probes, TlsEndpoint
from shared.runtime.errors import Unavailable
from shared.runtime.settings import connection_parameters, is_loopback

PUBLIC_URL, CONSOLE_URL = "TROIKA_PUBLIC_URL", "TROIKA_CONSOLE_URL"
PROXIES = "TROIKA_TRUSTED_PROXIES"
PROMETHEUS_URL = "TROIKA_DOCTOR_PROMETHEUS_URL"
WARN_BEFORE, FAIL_BEFORE = timedelta(days=14), timedelta(days=2)
WIDEST_V4, WIDEST_V6 = 8, 7
"""Prefix lengths of the largest private networks: 10.0.0.0/8 and fc00::/7."""

OPERATIONS = ("/-/registration/readyz", "/-/registration/metrics", "/-/events/metrics", "/-/notifications/metrics")
TRUSTED = "Install a certificate for this name from an authority that SSL_CERT_FILE or the system trusts"
HEADERS = ("x-content-type-options", "referrer-policy", "content-security-policy")


def check_public_url(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """The programme and the console can be reached over HTTPS."""
    for name, path in ((PUBLIC_URL, "/programme"), (CONSOLE_URL, "/console/sign-in")):
        if not (url := host.value(name).rstrip("/")):
            continue
        try:
            status = probes.fetch(url + path).status
        except Unavailable as error:
            yield _unreachable(urlsplit(url).hostname or "", url, error.reason)
            continue
        if status not in (200, 302, 303):
            yield failed(url, f"{path} responds {status}", "Read the gateway's log: runbook TroikaPublicPageDown")
        elif not url.startswith("https://") and not _is_local(url):
            yield failed(url, "plain HTTP", "Put a TLS proxy before the gateway, and write https:// in " + name)
        else:
            yield ok(url, f"{path} responds {status}")


def check_headers(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Pages have the security headers, including HSTS with HTTPS."""
    url = host.value(PUBLIC_URL).rstrip("/")
    given = probes.fetch(f"{url}/programme").headers
    wanted = [*HEADERS, *(["strict-transport-security"] if url.startswith("https://") else [])]
    missing = [name for name in wanted if name not in given]
    if missing:
        do = "The gateway must pass headers on; TROIKA_PUBLIC_URL must be https:// for every web process"
        yield failed(url, f"without {', '.join(missing)}", do)
    else:
        yield ok(url, f"{', '.join(wanted)} are there")


def check_operations(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Health, metrics and API documents cannot be read from outside."""
    for name in (PUBLIC_URL, CONSOLE_URL):
        if not (url := host.value(name).rstrip("/")):
            continue
        opened = [path for path in OPERATIONS if probes.fetch(url + path).status == 200]
        if opened:
            yield failed(url, f"open: {', '.join(opened)}", "Keep /-/ off this host, as deploy/nginx/troika.conf does")
        else:
            yield ok(url, "/-/ is closed")


def check_certificates(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Certificates are trusted, and do not expire soon."""
    endpoints = list(dict.fromkeys(_endpoints(host)))
    if not endpoints:
        yield not_asked("certificates", "no address of this installation uses TLS")
    for endpoint in endpoints:
        about = f"{endpoint.host}:{endpoint.port}" + (f" ({endpoint.protocol})" if endpoint.protocol else "")
        try:
            certificate = probes.certificate(endpoint)
        except Unavailable as error:
            yield _unreachable(endpoint.host, about, error.reason)
            continue
        left = certificate.ends_at - probes.now()
        days = f"{left.days} days left"
        if certificate.fault:
            yield failed(about, f"not trusted: {certificate.fault}", TRUSTED)
        elif left < FAIL_BEFORE:
            yield failed(about, days, "Renew it now: runbook TroikaCertificateEndsSoon")
        elif left < WARN_BEFORE:
            yield warning(about, days, "Find out why it was not renewed: runbook TroikaCertificateExpires")
        else:
            yield ok(about, days)


def check_proxies(host: GradedHost, _probes: Probes) -> Iterator[CheckResult]:
    """Only gateways are trusted to name a client's address."""
    named = [part.strip() for part in host.value(PROXIES).split(",") if part.strip()]
    try:
        networks = [ip_network(part, strict=False) for part in named]
    except ValueError:
        yield failed(PROXIES, "not a list of networks", "Write networks: 10.0.0.0/8, 192.0.2.7")
        return
    wide = [
        str(network) for network in networks if network.prefixlen < (WIDEST_V4 if network.version == 4 else WIDEST_V6)
    ]
    public = [str(network) for network in networks if network.is_global and network.prefixlen < network.max_prefixlen]
    if wide:
        yield failed(
            PROXIES, f"too wide: {', '.join(wide)}", "Name the gateways only: others could forge a client's address"
        )
    elif public:
        yield warning(PROXIES, f"public networks: {', '.join(public)}", "Name the gateways' addresses one by one")
    elif not networks:
        yield ok(PROXIES, "not set: only a gateway on this machine is trusted")
    else:
        yield ok(PROXIES, ", ".join(named))


def check_prometheus(host: GradedHost, probes: Probes) -> Iterator[CheckResult]:
    """Prometheus scrapes every target, and no alert that pages is firing."""
    url = host.value(PROMETHEUS_URL).rstrip("/")
    targets = json.loads(probes.fetch(f"{url}/api/v1/targets?state=active").body)["data"]["activeTargets"]
    down = sorted(
        {
            f"{target['labels'].get('job')} {target['labels'].get('instance')}"
            for target in targets
            if target["health"] != "up"
        }
    )
    if down:
        yield failed(
            "targets", f"{len(down)} of {len(targets)} down: {', '.join(down[:10])}", "Runbook TroikaProcessDown"
        )
    elif not targets:
        yield failed("targets", "none", "Write targets/*.json: docs/how-to/operate.md, What Prometheus scrapes")
    else:
        yield ok("targets", f"all {len(targets)} are up")
    query = quote('ALERTS{alertstate="firing",severity=~"page|ticket"}')
    alerts = json.loads(probes.fetch(f"{url}/api/v1/query?query={query}").body)["data"]["result"]
    names = sorted({alert["metric"]["alertname"] for alert in alerts})
    pages = sorted({alert["metric"]["alertname"] for alert in alerts if alert["metric"].get("severity") == "page"})
    if pages:
        yield failed("alerts", f"firing: {', '.join(names)}", f"docs/runbooks/{pages[0]}.md")
    elif names:
        yield warning("alerts", f"firing: {', '.join(names)}", f"docs/runbooks/{names[0]}.md")
    else:
        yield ok("alerts", "none fires")


def _unreachable(host: str, about: str, reason: str) -> CheckResult:
    """The result for a server that does not answer; a name below ``.localhost`` is this machine or container."""
    if host.endswith(".localhost"):
        return not_asked(about, f"this name resolves to this machine only ({reason})", "Open it in a browser")
    if reason.startswith(REFUSED_CERTIFICATE):
        return failed(about, reason, TRUSTED)
    do = "Check DNS, firewall and server; for the public host: runbook TroikaPublicPageDown"
    return failed(about, f"cannot be reached from here ({reason})", do)


def _endpoints(host: GradedHost) -> Iterator[TlsEndpoint]:
    for name in (PUBLIC_URL, CONSOLE_URL):
        parts = urlsplit(host.value(name))
        if parts.scheme == "https" and parts.hostname:
            yield TlsEndpoint(parts.hostname, parts.port or 443)
    for broker in host.brokers:
        for url in broker.urls:
            parts = urlsplit(url)
            if parts.scheme == "amqps" and parts.hostname:
                yield TlsEndpoint(parts.hostname, parts.port or 5671)
    for database in host.databases:
        parameters = connection_parameters(database.url)
        if str(parameters.get("sslmode", "")).startswith("verify"):
            hosts, ports = (str(parameters.get(key) or "").split(",") for key in ("host", "port"))
            for number, server in enumerate(hosts):
                port = ports[number] if number < len(ports) else ports[0]
                yield TlsEndpoint(server, int(port or 5432), "postgresql")


def _is_local(url: str) -> bool:
    return is_loopback(urlsplit(url).hostname or "")
