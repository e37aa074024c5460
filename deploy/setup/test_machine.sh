#!/usr/bin/env bash
# See that this machine has what the tests need besides Python: RabbitMQ, Chromium, promtool, and fonts.
# Installs it when it runs as root on a system with apt; otherwise says exactly what to install, and fails.
set -euo pipefail

packages=()

needs() { # needs <package> <test command...>: the package is missing when the test fails
  local package=$1
  shift
  "$@" >/dev/null 2>&1 || packages+=("$package")
}

has_rabbitmq() {
  test -x /usr/lib/rabbitmq/bin/rabbitmq-server || test -x /opt/rabbitmq/sbin/rabbitmq-server ||
    test -x /usr/local/sbin/rabbitmq-server
}

has_font_for() {
  test -n "$(fc-list ":lang=$1" 2>/dev/null)"
}

needs rabbitmq-server has_rabbitmq
needs chromium test -x /usr/bin/chromium
needs prometheus command -v promtool
needs util-linux command -v setpriv
needs fontconfig command -v fc-list
needs fonts-noto-core has_font_for ar
needs fonts-noto-cjk has_font_for zh-cn

[ ${#packages[@]} -eq 0 ] && exit 0

if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
  {
    echo "The tests need more than this machine has. Install it, then run the command again:"
    echo "  sudo apt-get install --no-install-recommends ${packages[*]}"
    echo "(names of Debian 13; elsewhere: RabbitMQ 4.0 or newer, Chromium as /usr/bin/chromium, promtool, and"
    echo "fonts with Arabic and Chinese letters)"
  } >&2
  exit 1
fi

# The tests start servers of their own on free ports: what is installed here must not start on the usual ones.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
fi

echo "Installing for the tests: ${packages[*]}"
log=$(mktemp)
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
  tail -n 40 "$log" >&2
  echo "Could not install ${packages[*]}; the whole output is in $log" >&2
  exit 1
fi
rm -f "$log"
