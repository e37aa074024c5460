"""The shape of an installation: which processes there are, and which paths lead to which of them.

`make up` and the tests read it here: a new process is one line. The demo runs one web process a service, which
unites those of the service.
"""

from collections.abc import Iterator
from dataclasses import dataclass

SERVICES = ("registration", "events", "notifications")

WEB_PROCESSES = (
    ("registration", "forms"),
    ("registration", "own"),
    ("registration", "desk"),
    ("events", "public"),
    ("notifications", "public"),
    ("events", "desk"),
    ("notifications", "desk"),
)
"""Every web process as (service, process). Ports of machines are in this order: one that is added comes last, so that
machines of two versions agree during an upgrade."""

WORKERS = (
    ("registration", "decide"),
    ("registration", "relay"),
    ("registration", "consume"),
    ("registration", "tend"),
    ("events", "relay"),
    ("events", "consume"),
    ("events", "solve"),
    ("notifications", "relay"),
    ("notifications", "consume"),
    ("notifications", "send"),
    ("notifications", "schedule"),
    ("notifications", "deliver"),
)
"""Every worker as (service, role)."""

PROCESSES = (*WEB_PROCESSES, *WORKERS)

COMMANDS = {"load": "operator", "keys": "operator", "mails": "operator"}
"""The kind of process of a service's command, if the kind's name differs from the command's."""

READING = ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True, slots=True)
class Route:
    """Paths of one host that lead to one web process.

    Attributes:
        service: the service that answers.
        process: which of its web processes.
        beginnings: every path that begins so.
        paths: whole paths, in which ``*`` matches one segment.
        methods: the methods that are passed on; empty for all.
    """

    service: str
    process: str
    beginnings: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()


PUBLIC_ROUTES = (
    Route("registration", "forms", ("/v1/forms/", "/v1/challenge", "/v1/receipts/", "/embed/", "/receipts/", "/my")),
    Route("registration", "own", ("/v1/registrations/", "/c/", "/r/", "/v/", "/j/")),
    Route("notifications", "public", ("/u/",)),
    Route("events", "public", ("/calendar/", "/programme")),
    Route(
        "events",
        "public",
        paths=(
            "/v1/events",
            "/v1/events/*",
            "/v1/resources",
            "/v1/resources/*",
            "/v1/rooms",
            "/v1/rooms/*",
            "/v1/schedule.json",
            "/v1/schedule/versions/*",
            "/v1/schedule/versions/*/diff/*",
            "/v1/series",
            "/v1/series/*",
            "/v1/slots",
            "/v1/slots/*",
            "/v1/working-groups",
            "/v1/working-groups/*",
        ),
        methods=READING,
    ),
)
"""What the public host serves. Of paths that coordinators use too, it passes on only reading."""

DESK_ROUTES = (
    Route(
        "registration",
        "desk",
        (
            "/v1/forms",
            "/v1/form-drafts",
            "/v1/imports",
            "/v1/side-event-forms",
            "/v1/registrations",
            "/v1/sealed-readings",
            "/v1/sealed-lists",
            "/v1/sealed-approvals",
            "/v1/partners",
            "/v1/person-export/registration",
            "/v1/service-audit/registration",
            "/v1/blocked-addresses",
            "/console/registrations/imports",
            "/v1/access",
            "/v1/audit-log",
            "/console/audit-log",
            "/console/registrations",
            "/console/access",
            "/console/account",
            "/console/invitation/",
            "/console/sign-in",
            "/openapi/registration/",
        ),
    ),
    Route(
        "notifications",
        "desk",
        (
            "/v1/mails",
            "/v1/bulletins",
            "/v1/suppressions",
            "/v1/person-export/notifications",
            "/v1/service-audit/notifications",
            "/openapi/notifications/",
            "/v1/webhooks",
            "/console/mail",
        ),
    ),
    Route(
        "events",
        "desk",
        (
            "/v1/clashes",
            "/v1/consultations",
            "/v1/coverage",
            "/v1/events",
            "/v1/group-contacts",
            "/v1/hotels",
            "/openapi/events/",
            "/v1/overview",
            "/v1/proposals",
            "/v1/resources",
            "/v1/rooms",
            "/v1/schedule",
            "/v1/series",
            "/v1/slots",
            "/v1/speakers",
            "/v1/person-export/events",
            "/v1/service-audit/events",
            "/v1/working-groups",
            "/console",
        ),
    ),
)
"""What the coordinators' host serves: the console, and the API with a key. The longest beginning counts."""

LARGE_BODIES = {
    "/v1/form-drafts": "1m",
    "/v1/imports": "21m",
    "/console/registrations/imports": "21m",
    "/v1/bulletins": "1m",
    "/console/mail": "1m",
    "/v1/forms/": "256k",
    "/embed/": "256k",
    "/c/": "256k",
    "/r/": "256k",
}
"""Beginnings of paths that take more than other requests, and how much the gateway lets through, in nginx' words: what
coordinators write or upload, and forms that browsers send without a script."""

TOKEN_PATHS = ("/c/", "/r/", "/v/", "/j/", "/receipts/", "/v1/receipts/", "/u/")
"""Beginnings of paths that a token or a receipt follows; no other site may receive them in a referrer."""

PUBLIC_PAGES = ("/embed/", "/programme", "/calendar/")
"""Beginnings of paths whose pages the gateway may keep, as far as their own headers declare them public."""


def process_of(command: str) -> str:
    """The kind of process that a service's ``command`` is."""
    return COMMANDS.get(command, command)


def worker_name(service: str, role: str) -> str:
    """Name of a process."""
    return f"{service}-{role}"


def operations_path(service: str, process: str) -> str:
    """Where the port for operators shows health, metrics and documents of a web process."""
    return f"/-/{service}/{process}/"


def service_for(path: str) -> str:
    """The service that answers for ``path`` on any host, also that it is unknown; empty if no service does."""
    return next((service for beginning, service in _BEGINNINGS if path.startswith(beginning)), "")


def _beginnings() -> Iterator[tuple[str, str]]:
    for service in SERVICES:
        yield f"/-/{service}/", service
    yield "/v1/", "events"
    for route in (*PUBLIC_ROUTES, *DESK_ROUTES):
        for beginning in route.beginnings:
            yield beginning, route.service


_BEGINNINGS = sorted(_beginnings(), key=lambda entry: -len(entry[0]))
