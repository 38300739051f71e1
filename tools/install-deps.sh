#!/bin/sh
# Installs what turno needs from Debian's or Ubuntu's packages, and only what is missing. Node itself (20 or newer) is not
# installed here: distributions carry older ones; https://nodejs.org/en/download tells how.
set -eu
missing=""
need() { command -v "$1" >/dev/null 2>&1 || missing="$missing $2"; }
need gcc gcc
need g++ g++
need make make
need python3 python3
[ -e /usr/include/stdio.h ] || missing="$missing libc6-dev"
if ! command -v node >/dev/null 2>&1; then
  echo "deps: node is not there: install Node.js 20 or newer first (https://nodejs.org/en/download)" >&2
  exit 1
fi
if [ -z "$missing" ]; then
  echo "deps: nothing to install: gcc, g++, make, python3 and the C headers are there"
  exit 0
fi
command -v apt-get >/dev/null 2>&1 || { echo "deps: no apt-get here; install by hand:$missing" >&2; exit 1; }
echo "deps: installing with apt-get:$missing"
run=""
[ "$(id -u)" = 0 ] || run=sudo
$run apt-get update
# shellcheck disable=SC2086 # a list of package names
$run apt-get install --yes --no-install-recommends $missing
