#!/usr/bin/env bash
# See that this machine has what `make test-deploy` needs: a Docker engine, and what base images are made with.
set -euo pipefail
source "$(dirname "$0")/packages.sh"

needs docker.io command -v dockerd
needs docker-cli command -v docker
needs docker-compose docker compose version
needs docker-buildx docker buildx version
needs mmdebstrap command -v mmdebstrap
needs iptables command -v iptables
needs podman command -v podman
needs runc command -v runc
needs catatonit command -v catatonit
needs netavark test -x /usr/lib/podman/netavark
needs aardvark-dns test -x /usr/lib/podman/aardvark-dns

install_missing "make test-deploy" "(names of Debian 13; elsewhere: Docker with Compose and Buildx, and mmdebstrap)"
