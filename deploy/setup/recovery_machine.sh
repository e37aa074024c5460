#!/usr/bin/env bash
# Check that this machine has what `make test-recovery` needs: pgBackRest, and a PostgreSQL that it supports.
set -euo pipefail
source "$(dirname "$0")/packages.sh"

needs pgbackrest command -v pgbackrest
needs postgresql-17 test -x /usr/lib/postgresql/17/bin/postgres
needs util-linux command -v setpriv

install_missing "make test-recovery" "(names of Debian 13; elsewhere: pgBackRest, and PostgreSQL 17 in /usr/lib/postgresql/17)"
