"""Third-party images made from Debian's packages, under the same names and ports: no registry is needed.

They behave as the originals in what the Compose file uses of them, and in nothing else.
"""

import sys
from pathlib import Path

from tests.deploy.engine import BASE, build, has_image

CADDY_PROGRAM = Path(sys.executable).parent / "caddy"
"""From PyPI: Debian's does not ask another process where a connection is not made."""

INSTALL = "RUN apt-get update && apt-get install -y --no-install-recommends {packages} && rm -rf /var/lib/apt/lists/*"

POSTGRES = f"""\
FROM {BASE}
{INSTALL.format(packages="postgresql")}
ENV PGDATA=/var/lib/postgresql/data PATH=/usr/lib/postgresql/17/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN mkdir -p /var/run/postgresql && chown postgres: /var/run/postgresql
COPY start.sh /start.sh
ENTRYPOINT ["/bin/sh", "/start.sh"]
"""
POSTGRES_START = """\
set -eu
mkdir -p "$PGDATA" && chown -R postgres: /var/lib/postgresql && chmod 700 "$PGDATA"
as() { exec setpriv --reuid postgres --regid postgres --clear-groups "$@"; }
if [ ! -s "$PGDATA/PG_VERSION" ]; then
  (as initdb -D "$PGDATA" -U postgres --encoding=UTF8 --locale=C.UTF-8 --auth=scram-sha-256 \\
    --pwfile="$POSTGRES_PASSWORD_FILE")
  echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
fi
shift
as postgres -D "$PGDATA" -c listen_addresses='*' "$@"
"""

RABBITMQ = f"""\
FROM {BASE}
{INSTALL.format(packages="rabbitmq-server")}
COPY start.sh /start.sh
ENV PATH=/usr/lib/rabbitmq/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/var/lib/rabbitmq
ENTRYPOINT ["/bin/sh", "/start.sh"]
"""
RABBITMQ_START = """\
set -eu
chown -R rabbitmq: /var/lib/rabbitmq
exec setpriv --reuid rabbitmq --regid rabbitmq --clear-groups env RABBITMQ_LOGS=- rabbitmq-server
"""

# as in the official image: without that capability in the bounding set the kernel refuses to execute the program
CADDY = f"""\
FROM {BASE}
{INSTALL.format(packages="ca-certificates libcap2-bin")}
COPY caddy /usr/bin/caddy
RUN setcap cap_net_bind_service=+ep /usr/bin/caddy
ENV XDG_DATA_HOME=/data XDG_CONFIG_HOME=/tmp
ENTRYPOINT ["/usr/bin/caddy", "run", "--config", "/etc/caddy/Caddyfile"]
"""

PROMETHEUS = f"""\
FROM {BASE}
{INSTALL.format(packages="prometheus")}
RUN install -d -o nobody -g nogroup /prometheus
USER nobody
ENTRYPOINT ["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]
"""

ALERTMANAGER = f"""\
FROM {BASE}
{INSTALL.format(packages="prometheus-alertmanager")}
RUN install -d -o nobody -g nogroup /alertmanager
USER nobody
ENTRYPOINT ["prometheus-alertmanager", "--config.file=/etc/alertmanager/alertmanager.yml", \\
  "--storage.path=/alertmanager"]
"""

BLACKBOX = f"""\
FROM {BASE}
{INSTALL.format(packages="prometheus-blackbox-exporter")}
USER nobody
ENTRYPOINT ["prometheus-blackbox-exporter", "--config.file=/etc/blackbox_exporter/config.yml"]
"""


def make_standins(folder: Path) -> None:
    """Every image that is missing."""
    scripts = folder / "scripts"
    for name, dockerfile, start in (
        ("postgres:18", POSTGRES, POSTGRES_START),
        ("rabbitmq:4", RABBITMQ, RABBITMQ_START),
    ):
        if not has_image(name):
            place = scripts / name.partition(":")[0]
            place.mkdir(parents=True, exist_ok=True)
            (place / "start.sh").write_text(start)
            build(name, dockerfile, [place / "start.sh"], folder)
    if not has_image("caddy:2"):
        build("caddy:2", CADDY, [CADDY_PROGRAM], folder)
    for name, dockerfile in (
        ("prom/prometheus:v3.5.0", PROMETHEUS),
        ("prom/alertmanager:v0.28.1", ALERTMANAGER),
        ("prom/blackbox-exporter:v0.26.0", BLACKBOX),
    ):
        if not has_image(name):
            build(name, dockerfile, [], folder)
