#!/bin/sh
# make_env.sh FOLDER LOCK PYTHON: a virtual environment with exactly what the lock names, by uv where it is installed.
set -eu
folder=$1 lock=$2 python=$3
command -v "$python" >/dev/null 2>&1 || python=python3
"$python" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || {
  echo "error: Python 3.11 is needed, $("$python" --version 2>&1) was found; install it or run make PYTHON=/path/to/python3.11." >&2
  exit 1
}
if command -v uv >/dev/null 2>&1; then
  uv venv --quiet --allow-existing --python "$python" "$folder"
  VIRTUAL_ENV=$folder uv pip sync --quiet --require-hashes "$lock"
  VIRTUAL_ENV=$folder uv pip install --quiet --no-deps --no-build-isolation --editable .
else
  "$python" -m venv "$folder"
  echo "installing the packages of $lock (hundreds of MB, a minute or more)"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --require-hashes --requirement "$lock"
  "$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
fi
