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

# An environment whose interpreter has gone, or is too old, is made anew.
if ! is_new_enough "$folder/bin/python" || ! "$folder/bin/python" -m pip --version >/dev/null 2>&1; then
  python=$(find_python)
  "$python" -c 'import venv, ensurepip' >/dev/null 2>&1 || fail \
    "$python has no venv module." "On Debian or Ubuntu: apt-get install python3-venv"
  echo "Making $folder with $("$python" --version)"
  "$python" -m venv --clear "$folder"
fi

echo "Installing $requirements (once; quick when the packages are in the cache)"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes -r "$requirements"
