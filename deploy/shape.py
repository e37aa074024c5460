"""The shape of an installation: which processes there are, and which paths lead to which service.

The local installation, `make up` and the tests all read it here: a new worker is one line.
"""

SERVICES = ("registration", "events", "notifications")

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
"""Every worker as (service, role), beside one web process a service."""

COMMANDS = {"load": "operator", "keys": "operator", "mails": "operator"}
"""The kind of process that a service's command is, where it has no name of its own."""

ROUTES: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "registration",
        (
            "/v1/forms",
            "/v1/challenge",
            "/v1/registrations",
            "/v1/sealed-readings",
            "/v1/partners",
            "/v1/trail/registration",
            "/v1/blocked-addresses",
            "/v1/receipts/",
            "/embed/",
            "/receipts/",
            "/c/",
            "/r/",
            "/console/registrations",
            "/-/registration/",
        ),
    ),
    (
        "notifications",
        (
            "/v1/mails",
            "/v1/bulletins",
            "/v1/suppressions",
            "/v1/trail/notifications",
            "/v1/webhooks",
            "/u/",
            "/console/mail",
            "/-/notifications/",
        ),
    ),
    ("events", ("/v1/", "/console", "/calendar/", "/programme", "/propose", "/p/", "/-/events/")),
)
"""Beginnings of paths by service; the first that fits decides."""

LARGE_BODIES = {"/v1/bulletins": "1m", "/console/mail": "1m"}
"""Beginnings of paths that take more than a filled form, and how much the gateway lets through, in nginx' words."""

TOKEN_PATHS = ("/c/", "/r/", "/receipts/", "/v1/receipts/", "/p/", "/u/")
"""Beginnings of paths that a token or a receipt follows; no other site may learn them from a referrer."""

PUBLIC_PAGES = ("/embed/", "/programme", "/calendar/")
"""Beginnings of paths whose pages the gateway may keep, as far as they say themselves that they are public."""


def processes_of(service: str) -> tuple[str, ...]:
    """Kinds of processes of ``service`` that have a login at its database."""
    return ("web", *(role for owner, role in WORKERS if owner == service), "operator")


def process_of(command: str) -> str:
    """The kind of process that a service's ``command`` is."""
    return COMMANDS.get(command, command)


def worker_name(service: str, role: str) -> str:
    """Name of a process."""
    return f"{service}-{role}"


def service_for(path: str) -> str:
    """The service that answers for ``path``; empty for a path of nobody."""
    return next((service for service, beginnings in ROUTES if path.startswith(beginnings)), "")
