#!/usr/bin/env bash
# See that this machine has what `make up` runs besides Python: RabbitMQ, Prometheus, nginx.
# Installs it when it runs as root on a system with apt; otherwise names exactly what to install, and fails.
set -euo pipefail
source "$(dirname "$0")/packages.sh"

needs_servers

install_missing "The installation" "(names of Debian 13; elsewhere: RabbitMQ 4.0 or newer, Prometheus, nginx)"
