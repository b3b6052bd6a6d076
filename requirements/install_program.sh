#!/bin/sh
# install_program.sh PROGRAM WHY: from the package of its name, where that is possible without asking (Debian, root).
set -eu
program=$1 why=$2
if command -v "$program" >/dev/null 2>&1; then exit 0; fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "installing $program"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -qq update && apt-get -qq install -y --no-install-recommends "$program"; } >/dev/null
else
  echo "error: $program is needed $why; install it with your package manager (Debian: sudo apt-get install $program; macOS: brew install $program), then run make again." >&2
  exit 1
fi
