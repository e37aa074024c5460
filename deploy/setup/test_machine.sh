#!/usr/bin/env bash
# See that this machine has what the tests need besides Python: servers, Chromium, promtool, and fonts.
# Installs it when it runs as root on a system with apt; otherwise names exactly what to install, and fails.
set -euo pipefail
source "$(dirname "$0")/packages.sh"

has_font_for() {
  test -n "$(fc-list ":lang=$1" 2>/dev/null)"
}

needs_servers
needs chromium test -x /usr/bin/chromium
needs chromium-headless-shell test -x /usr/bin/chromium-headless-shell
needs pgbouncer test -x /usr/sbin/pgbouncer
needs systemd command -v systemd-analyze
needs fontconfig command -v fc-list
needs fonts-noto-core has_font_for ar
needs fonts-noto-cjk has_font_for zh-cn

install_missing "The tests" \
  "(names of Debian 13; elsewhere: RabbitMQ 4.0, PgBouncer 1.22 or newer, Prometheus with promtool, nginx, Chromium as" \
  "/usr/bin/chromium and /usr/bin/chromium-headless-shell, and fonts with Arabic and Chinese letters)"
