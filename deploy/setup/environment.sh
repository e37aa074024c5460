#!/usr/bin/env bash
# Make the virtual environment and install exactly what a requirements file names, checked by its hashes.
#   environment.sh <folder> <requirements file>
# PYTHON chooses the interpreter; empty takes the first Python 3.11 or newer on the PATH.
set -euo pipefail

folder=$1
requirements=$2

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

is_new_enough() {
  "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1
}

find_python() {
  local candidate
  for candidate in ${PYTHON:+"$PYTHON"} python3 python3.11 python3.12 python3.13 python3.14 python; do
    if is_new_enough "$candidate"; then
      command -v "$candidate"
      return
    fi
    [ "$candidate" = "${PYTHON:-}" ] && fail "PYTHON=$PYTHON is not a Python 3.11 or newer."
  done
  fail "Troika needs Python 3.11 or newer, and there is none on the PATH." \
    "On Debian or Ubuntu: apt-get install python3 python3-venv" \
    "Elsewhere: https://www.python.org/downloads/, then make PYTHON=/path/to/python3 ..."
}

# An environment whose interpreter is missing or too old is made again.
if ! is_new_enough "$folder/bin/python" || ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
  python=$(find_python)
  "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || fail \
    "$python has no venv module." "On Debian or Ubuntu: apt-get install python3-venv"
  echo "Making $folder with $("$python" --version)"
  "$python" -m venv --clear "$folder"
fi

pip_setting() { # pip_setting index-url: the value that pip has from the environment or its files; empty if nothing
  local variable=PIP_${1^^}
  variable=${variable//-/_}
  printf '%s' "${!variable:-$("$folder/bin/python" -m pip config get "global.$1" 2>/dev/null || true)}"
}

# uv needs half of pip's time, and both processors. It is among the packages for development, pinned as all of them, and
# does not read pip's settings.
install_by_uv() {
  local uv index links certificate
  uv=$(awk '/^uv==/ { found = 1 } found { print; if (!/\\$/) exit }' "$requirements")
  [ -n "$uv" ] || return 1
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r <(echo "$uv") || return 1
  index=$(pip_setting index-url) links=$(pip_setting find-links) certificate=${SSL_CERT_FILE:-$(pip_setting cert)}
  env ${index:+UV_DEFAULT_INDEX="$index"} ${links:+UV_FIND_LINKS="$links"} ${certificate:+SSL_CERT_FILE="$certificate"} \
    "$folder/bin/uv" pip install --quiet --python "$folder/bin/python" --require-hashes --compile-bytecode -r "$requirements"
}

echo "Installing $requirements (once; quick when the packages are in the cache)"
install_by_uv ||
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements"
