#!/usr/bin/env bash
# See that this machine has what `make test-alerting` needs: Prometheus, Alertmanager, blackbox exporter.
set -euo pipefail
source "$(dirname "$0")/packages.sh"

needs prometheus test -x /usr/bin/prometheus
needs prometheus-alertmanager command -v prometheus-alertmanager
needs prometheus-alertmanager command -v amtool
needs prometheus-blackbox-exporter command -v prometheus-blackbox-exporter

install_missing "make test-alerting" "(names of Debian 13; elsewhere: Prometheus, Alertmanager with amtool, blackbox exporter)"
