"""``troika secrets``: writes the Secrets that the chart's pods mount, once for an installation in Kubernetes.

Keys and passwords are made in a folder, and kept there: written again with the same folder they are the same. So is the
access file (``troika access add … --file FOLDER/access.json``).
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import click
import yaml

from deploy.compose.containers import FULL, containers
from deploy.compose.keys_server import KEYS_IN_FOLDER, KEYS_POSTGRES, chosen_keys_server, named_faults
from deploy.compose.settings_files import TOOLS, TOOLS_FOLDER, Servers, claim, write_settings
from deploy.local.secrets import KEYS_DATABASE, Secrets, make_keys
from deploy.up.secrets import broker_passwords, database_passwords, write_definitions
from shared.db.embedded_server import SUPERUSER
from shared.http.holders import parse_holders
from shared.runtime.errors import SettingsError

ACCESS, PREPARE, POSTGRESQL = "access", "prepare", "postgresql-superuser"
ACCESS_FILE = "access.json"
TYPES = {POSTGRESQL: "kubernetes.io/basic-auth"}
"""Type of a Secret that another program than ours reads: CloudNativePG."""


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--release", default="troika", show_default=True, help="The Helm release.")
@click.option("--postgres", required=True, help="Host and port: troika-postgresql-rw:5432.")
@click.option("--postgres-query", default="?sslmode=require", show_default=True, help="Ends each database's address.")
@KEYS_POSTGRES
@KEYS_IN_FOLDER
@click.option("--rabbitmq", required=True, help="Host and port: troika-rabbitmq:5671.")
@click.option("--plain-rabbitmq", is_flag=True, help="amqp:// in place of amqps://.")
@click.option("--smtp-url", required=True, envvar="SMTP_URL", help="Your mail relay; or set SMTP_URL.")
@click.option("--public-url", required=True, help="https:// and the public host.")
def main(
    folder: Path,
    release: str,
    postgres: str,
    postgres_query: str,
    keys_postgres: str | None,
    keys_in_folder: bool,
    rabbitmq: str,
    plain_rabbitmq: bool,
    smtp_url: str,
    public_url: str,
) -> None:
    """Make keys and passwords in FOLDER, and write secrets.yaml and definitions.json beside them."""
    keys = folder / "keys"
    make_keys(keys)
    scheme = "amqp" if plain_rabbitmq else "amqps"
    keys_server = chosen_keys_server(keys_postgres, _known_keys_url(folder / "secrets.yaml"), keys_in_folder)
    servers = Servers(postgres, postgres_query, rabbitmq, scheme, keys_server)
    given = {"TROIKA_PUBLIC_URL": public_url, "SMTP_URL": smtp_url}
    with named_faults():
        claim(keys / "installation", release)
        found = manifests(release, Secrets(keys, ""), given, servers, read_access(folder / ACCESS_FILE))
    for name in ("secrets.yaml", "definitions.json"):
        (folder / name).touch()
        (folder / name).chmod(0o600)
    (folder / "secrets.yaml").write_text(yaml.safe_dump_all(found, sort_keys=False))
    write_definitions(folder / "definitions.json", broker_passwords(keys))
    click.echo(f"{folder}/secrets.yaml: {len(found)} Secrets. {folder}/definitions.json: for the broker.")


def read_access(file: Path) -> str:
    """The content of the access file; no holder if there is none.

    Raises:
        SettingsError: the processes could not read it.
    """
    text = file.read_text() if file.exists() else "[]"
    try:
        parse_holders(json.loads(text))
    except ValueError as error:
        raise SettingsError([f"{file}: {error}"]) from error
    return text


def manifests(
    release: str, secrets: Secrets, given: dict[str, str], servers: Servers, access: str
) -> list[dict[str, Any]]:
    """Every Secret of the chart, by the settings that the processes read; ``access``: content of the access file."""
    with tempfile.TemporaryDirectory() as made:
        volume = Path(made)
        write_settings(volume, secrets, given, servers)
        parts = {
            container.settings: _read(volume / container.settings / container.role) for container in containers(FULL)
        }
        parts |= {name: _read(volume / TOOLS_FOLDER / name) for name in TOOLS}
    parts[ACCESS] = {ACCESS_FILE: access}
    parts[PREPARE] = {
        "databases.json": (secrets.folder / "databases.json").read_text(),
        "installation": (secrets.folder / "installation").read_text(),
    }
    parts[POSTGRESQL] = {"username": SUPERUSER, "password": database_passwords(secrets.folder)[SUPERUSER]}
    return [_secret(release, name, values) for name, values in sorted(parts.items())]


def _known_keys_url(file: Path) -> str:
    """URL of the keys database in the Secrets that were written before; empty without one."""
    made = yaml.safe_load_all(file.read_text()) if file.exists() else ()
    return next(
        (str(secret["stringData"][KEYS_DATABASE]) for secret in made if KEYS_DATABASE in secret["stringData"]), ""
    )


def _read(folder: Path) -> dict[str, str]:
    return {path.name: path.read_text().strip() for path in sorted(folder.iterdir())}


def _secret(release: str, name: str, values: dict[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"{release}-{name}", "labels": {"app.kubernetes.io/name": "troika"}},
        "type": TYPES.get(name, "Opaque"),
        "stringData": values,
    }


if __name__ == "__main__":
    main()
