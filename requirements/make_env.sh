#!/bin/sh
# make_env.sh FOLDER LOCK [PYTHON]: a virtual environment with exactly what the lock names, by uv where it is installed.
# Without PYTHON: of the first of python3.11, python3.12, python3 that is 3.11 or 3.12, else of one that uv finds or fetches.
set -eu
folder=$1 lock=$2 python=${3:-}
fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 12))' >/dev/null 2>&1; }
uv=$(command -v uv) || uv=
if [ -z "$python" ]; then
  for candidate in python3.11 python3.12 python3; do
    if fits "$candidate"; then python=$candidate; break; fi
  done
  if [ -z "$python" ] && [ -n "$uv" ]; then python='>=3.11,<3.13'; fi
elif ! fits "$python"; then
  found=$python
  python=
fi
if [ -z "$python" ]; then
  found=${found:-python3}
  version=$("$found" --version 2>/dev/null) || version="not there"
  echo "error: Python 3.11 or 3.12 is needed, and $found is $version; install one, or run make PYTHON=/path/to/python3.12." >&2
  exit 1
fi
if [ -n "$uv" ]; then
  uv venv --quiet --allow-existing --python "$python" "$folder"
  VIRTUAL_ENV=$folder uv pip sync --quiet --require-hashes "$lock"
  VIRTUAL_ENV=$folder uv pip install --quiet --no-deps --no-build-isolation --editable .
else
  "$python" -m venv "$folder"
  echo "installing the packages of $lock (hundreds of MB, a minute or more)"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$lock"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
fi
