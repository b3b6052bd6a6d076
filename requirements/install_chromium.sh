#!/bin/sh
# The slow tests open reports in a browser. Installed where that is possible without asking (Debian or Ubuntu, root).
set -eu
if command -v chromium >/dev/null 2>&1; then exit 0; fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "installing chromium"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -qq update && apt-get -qq install -y --no-install-recommends chromium; } >/dev/null
else
  echo "error: chromium is needed to test the reports; install it with your package manager (Debian: sudo apt-get install chromium; macOS: brew install chromium), then run make again." >&2
  exit 1
fi
