"""The service's web application on the database of a service under test; each holder's key is their name."""

import hashlib
import json
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from services.notifications.rights import DESK, PUBLIC, WEB
from services.notifications.settings import read_settings
from services.notifications.web import build_app
from tests.integration.notifications.notification_service import NotificationService
from tests.support.public_part import behind_gateway
from tests.support.signed_in import OWNER_URL, SIGNING_PUBLIC_KEY, enter

HOLDERS: dict[str, dict[str, Any]] = {
    "viewer": {"roles": ["viewer"]},
    "coordinator": {"roles": ["coordinator"]},
    "operator": {"roles": ["operator"]},
    "partner": {"roles": ["partner"], "partner": "a-partner"},
    "limited": {"roles": ["coordinator"], "forms": ["another-form"]},
}


def open_desk(notifications: NotificationService, folder: Path) -> FlaskClient:
    """A client of the applications of the desk, which has the service's vault, and of the public process."""
    access, key = folder / "access.json", folder / "some.key"
    hashes = {name: hashlib.sha256(name.encode()).hexdigest() for name in HOLDERS}
    access.write_text(json.dumps([h | {"name": n, "key_sha256": hashes[n]} for n, h in HOLDERS.items()]))
    key.write_text("ab" * 32)
    (folder / "vault.key").write_text(notifications.vault_key.hex())
    (folder / "unsubscribe.key").write_text(notifications.links_key.hex())
    environment = {
        "NOTIFICATIONS_DATABASE_URL": "postgresql://127.0.0.1/unused",
        "TROIKA_BUS_DATABASE_URL": "postgresql://127.0.0.1/unused",
        "TROIKA_ACCESS_FILE": str(access),
        "TROIKA_SIGNING_PUBLIC_KEY": SIGNING_PUBLIC_KEY,
        "TROIKA_PUBLIC_URL": "http://127.0.0.1:8000",
        "SMTP_URL": "smtp://127.0.0.1:9",
        "TROIKA_MAIL_FROM": "upr@example.org",
        "TROIKA_NOTIFICATIONS_KEY_FILE": str(key),
        "TROIKA_NOTIFICATIONS_VAULT_FILE": str(folder / "vault.key"),
        "TROIKA_WEBHOOK_KEY_FILE": str(folder / "vault.key"),
        "TROIKA_UNSUBSCRIBE_KEY_FILE": str(folder / "unsubscribe.key"),
    }
    app, public = (
        build_app(
            read_settings(process, environment),
            notifications.logins.get(part, notifications.engine),
            notifications.clock,
            lambda _connection: notifications.clock(),
        )
        for process, part in ((WEB, DESK), (PUBLIC, PUBLIC))
    )
    app.wsgi_app = behind_gateway("notifications", app.wsgi_app, public.wsgi_app)  # type: ignore[method-assign,assignment]
    app.config[OWNER_URL] = notifications.engine.url.render_as_string(hide_password=False)
    return app.test_client()


def ask(client: FlaskClient, method: str, path: str, content: Any = None, key: str = "coordinator") -> TestResponse:
    """An answer to a holder of a key."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return client.open(path, method=method, json=content, headers=headers)


def sign_in(client: FlaskClient, key: str = "coordinator") -> None:
    """From here on the client shows the console's cookie."""
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    enter(client, key)
