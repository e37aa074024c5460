"""``python -m deploy.specs``: writes every specification that the code implies; ``--check`` lists what is out of date.

The documents come from the applications themselves, built on settings that are thrown away and an engine that never
connects, from the table of message types and from the list of metrics. The same code gives the same bytes.
"""

# size: writes the specifications of every service

import json
import sys
import tempfile
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click
from flask import Flask
from sqlalchemy import Engine

from deploy import asyncapi
from deploy.alerting import alertmanager
from deploy.chart.processes import files as chart_files
from deploy.compose.compose import files as compose_files
from deploy.error_codes import errors_page
from deploy.local.secrets import SIGNING_PUBLIC_KEY, Secrets, make_secrets, public_halves
from deploy.reference_pages import doctor_page, messages_page, metrics_page, spans_page
from deploy.security.page import security_page
from services.events import web as events
from services.events.settings import EventsSettings
from services.notifications import web as notifications
from services.notifications.settings import NotificationsSettings
from services.registration import web as registration
from services.registration.settings import RegistrationSettings
from shared.cli.settings import CommonSettings
from shared.db.engine import open_engine
from shared.http.problems import STATUSES
from shared.messaging import topology
from shared.messaging.broker import FACTS, VHOST, BusAddress
from shared.messaging.contracts.registry import SERVICES
from shared.security.sealing import public_key_of, read_keys

PROJECT = Path(__file__).resolve().parents[1]
REFERENCE = Path("docs/reference")
NOWHERE = "postgresql+psycopg://nobody@127.0.0.1:1/nowhere"
"""Valid, and never connected to: a document needs no rows."""


@click.command()
@click.option("--check", is_flag=True, help="Change nothing; exit 1 and name the files that differ.")
def main(check: bool) -> None:
    """Write the OpenAPI and AsyncAPI documents, the broker's definitions and the reference tables."""
    stale = {path: text for path, text in all_specs().items() if _content(path) != text}
    if check:
        for path in stale:
            click.echo(f"{path} is out of date: run `make specs`", err=True)
        sys.exit(1 if stale else 0)
    for path, text in stale.items():
        _write(path, text)
        click.echo(f"{path} written")


def all_specs() -> dict[Path, str]:
    """Text of every generated file, by its path from the project's root."""
    apps = applications()
    specs = {REFERENCE / f"openapi-{name}.json": _as_json(openapi(app)) for name, app in apps.items()}
    statuses = {code: status for app in apps.values() for code, status in app.extensions[STATUSES].items()}
    deployed = {Path("deploy/compose") / name: text for name, text in compose_files().items()}
    deployed |= {Path("deploy/chart") / name: text for name, text in chart_files().items()}
    return (
        specs
        | deployed
        | {
            REFERENCE / "asyncapi.json": _as_json(asyncapi.document(vhost=VHOST, exchange=FACTS)),
            Path("deploy/rabbitmq/rabbitmq-definitions.json"): _as_json(topology.definitions()),
            Path("deploy/prometheus/alertmanager.yml"): alertmanager(),
            REFERENCE / "errors.md": errors_page(statuses),
            REFERENCE / "metrics.md": metrics_page(),
            REFERENCE / "messages.md": messages_page(),
            REFERENCE / "spans.md": spans_page(),
            REFERENCE / "doctor.md": doctor_page(),
            REFERENCE / "security.md": security_page(),
        }
    )


def applications() -> dict[str, Flask]:
    """The web application of each service, unable to reach any database."""
    with tempfile.TemporaryDirectory() as folder:
        return build_applications(make_secrets(Path(folder)), {name: open_engine(NOWHERE) for name in SERVICES})


def build_applications(secrets: Secrets, engines: Mapping[str, Engine]) -> dict[str, Flask]:
    """The web application of each service.

    Args:
        secrets: the secrets of an installation.
        engines: the engine by service, and ``intake`` for the connections that store submissions, if they are separate;
            the code that opened them closes them.
    """
    builders: dict[str, Callable[[Secrets, Engine], Flask]] = {
        "registration": partial(_registration, engines.get("intake")),
        "events": _events,
        "notifications": _notifications,
    }
    return {name: build(secrets, engines[name]) for name, build in builders.items()}


def openapi(app: Flask) -> dict[str, Any]:
    """The OpenAPI document that ``app`` serves, without the version that happens to run."""
    answer = app.test_client().get(f"/-/{app.name}/openapi.json")
    document: dict[str, Any] = answer.get_json()
    document["info"]["version"] = "v1"
    return document


def _events(secrets: Secrets, engine: Engine) -> Flask:
    settings = EventsSettings(
        common=_common("events", secrets),
        events_keys=_keys(secrets, "events"),
        notifications_key=_public(secrets, "notifications"),
        registration_key=_public(secrets, "registration"),
    )
    return events.build_app(settings, engine)


def _registration(intake: Engine | None, secrets: Secrets, engine: Engine) -> Flask:
    settings = RegistrationSettings(
        common=_common("registration", secrets),
        intake_keys=_keys(secrets, "intake"),
        person_keys=_keys(secrets, "person"),
        master_keys=_keys(secrets, "master"),
        form_keys_folder=secrets.folder / "form-keys",
        notifications_key=_public(secrets, "notifications"),
        events_key=_public(secrets, "events"),
        organiser="The organisers",
        console_url="https://register.example.org",
    )
    return registration.build_app(settings, engine, intake)


def _notifications(secrets: Secrets, engine: Engine) -> Flask:
    settings = NotificationsSettings(
        common=_common("notifications", secrets),
        smtp_url="smtp://127.0.0.1:1",
        mail_from="upr@example.org",
        organiser="The organisers",
        private_keys=_keys(secrets, "notifications"),
        vault_keys=_keys(secrets, "vault"),
        webhook_keys=_keys(secrets, "webhook"),
        unsubscribe_keys=_keys(secrets, "unsubscribe"),
        unknown_after=timedelta(minutes=15),
    )
    return notifications.build_app(settings, engine)


def _common(service: str, secrets: Secrets) -> CommonSettings:
    signs, public = service == "registration", public_halves(SIGNING_PUBLIC_KEY, secrets.folder / "signing.key")
    return CommonSettings(
        service=service,
        database_url=NOWHERE,
        bus=BusAddress(database_url=NOWHERE),
        public_url="https://registration.example.org",
        access_file=secrets.folder / "access.json",
        signing_keys=_keys(secrets, "signing") if signs else (),
        signing_public_keys=() if signs else tuple(public),
    )


def _keys(secrets: Secrets, name: str) -> tuple[bytes, ...]:
    return tuple(read_keys(secrets.folder / f"{name}.key"))


def _public(secrets: Secrets, name: str) -> bytes:
    return public_key_of(_keys(secrets, name)[0])


RENAMED_STATUSES = {
    "UNPROCESSABLE_ENTITY": "UNPROCESSABLE_CONTENT",
    "REQUEST_ENTITY_TOO_LARGE": "CONTENT_TOO_LARGE",
    "REQUEST_URI_TOO_LONG": "URI_TOO_LONG",
    "Unprocessable Entity": "Unprocessable Content",
    "Request Entity Too Large": "Content Too Large",
    "Request-URI Too Long": "URI Too Long",
}
"""Python 3.13 took over the names of RFC 9110; the documents are the same with every version of Python."""


def _as_json(document: dict[str, Any]) -> str:
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    for older, newer in RENAMED_STATUSES.items():
        text = text.replace(older, newer)
    return text


def _content(path: Path) -> str:
    file = PROJECT / path
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _write(path: Path, text: str) -> None:
    file = PROJECT / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
