#!/usr/bin/env bash
# Check that this machine has what `make test-cluster` needs: RabbitMQ, PgBouncer, Redis, network namespaces.
# PostgreSQL and Caddy come with the Python packages.
set -euo pipefail
source "$(dirname "$0")/packages.sh"

needs rabbitmq-server has_rabbitmq
needs pgbouncer command -v pgbouncer
needs redis-server command -v redis-server
needs iproute2 command -v ip
needs util-linux command -v nsenter

install_missing "make test-cluster" "(names of Debian 13; elsewhere: RabbitMQ 4.0 or newer, PgBouncer, Redis, iproute2, nsenter)"

if [ "$(id -u)" -ne 0 ]; then
  echo "make test-cluster makes network namespaces: run it as root." >&2
  exit 1
fi
