#!/bin/sh
# The musdb package calls ffmpeg. Installed where that is possible without asking (Debian or Ubuntu, root).
set -eu
if command -v ffmpeg >/dev/null 2>&1 && command -v ffprobe >/dev/null 2>&1; then exit 0; fi
if command -v apt-get >/dev/null 2>&1 && [ "$(id -u)" = 0 ]; then
  echo "installing ffmpeg"
  export DEBIAN_FRONTEND=noninteractive
  { apt-get -qq update && apt-get -qq install -y --no-install-recommends ffmpeg; } >/dev/null
else
  echo "error: ffmpeg is needed to read MUSDB18; install it with your package manager (Debian: sudo apt-get install ffmpeg; macOS: brew install ffmpeg), then run make again." >&2
  exit 1
fi
