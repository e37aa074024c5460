# Sourced by the scripts beside it: which Debian packages are missing, and installing them where we may.
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

needs_servers() { # what runs beside our own processes
  needs rabbitmq-server has_rabbitmq
  needs prometheus test -x /usr/bin/prometheus
  needs prometheus command -v promtool
  needs nginx-light test -x /usr/sbin/nginx
  needs util-linux command -v setpriv
}

install_missing() { # install_missing <who needs it> <hint for other systems...>
  local who=$1
  shift
  [ ${#packages[@]} -eq 0 ] && return 0
  mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)

  if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
    {
      echo "$who needs more than this machine has. Install it, then run the command again:"
      echo "  sudo apt-get install --no-install-recommends ${packages[*]}"
      printf '%s\n' "$@"
    } >&2
    exit 1
  fi

  # We start servers of our own on free ports: what is installed here must not start on the usual ones.
  local policy=/usr/sbin/policy-rc.d log
  if [ ! -e "$policy" ]; then
    # shellcheck disable=SC2064 # the path is known now
    trap "rm -f '$policy'" EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi

  echo "Installing: ${packages[*]}"
  log=$(mktemp)
  export DEBIAN_FRONTEND=noninteractive
  if ! { apt-get update && apt-get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "Could not install ${packages[*]}; the whole output is in $log" >&2
    exit 1
  fi
  rm -f "$log"
}
