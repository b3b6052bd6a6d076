# make smoke   the whole pipeline on music it makes itself, in minutes
# make test    the fast tests
# Both make their environment first.
# make preflight ARGS="--config=musdb --topology=v5e:2x2"   what a training step costs on a TPU that is not there

# A Python 3.11 or 3.12; without it, requirements/make_env.sh looks for one.
PYTHON ?=
BIN := .venv/bin
LOCK := requirements/cpu-dev.txt
# The tests of Apache Beam start commands with it.
BEAM_PYTHON ?= $(CURDIR)/.venv-beam/bin/python

# Whoever forbids it has every process compile the tests anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: smoke smoke-clean test test-slow test-extras soak lint lock env ffmpeg chromium compiler preflight beam

smoke: env
	$(BIN)/python -m evaluation.smoke --out=build/smoke

smoke-clean:
	rm -rf build/smoke

test: env
	$(BIN)/python -m pytest -q -n 3 --dist loadfile -m "not slow and not soak"

test-slow: env chromium
	$(BIN)/python -m pytest -q -n 2 --dist worksteal -m slow

# TORCH_PYTHON is an interpreter of yours with torch, openunmix, BS-RoFormer 0.3.10 and safetensors;
# BS_ROFORMER_4 a folder with the wheel of BS-RoFormer 0.4.1, unpacked; MUSICNN_WHEEL the wheel of
# musicnn 0.1.0.
test-extras: env beam
	TORCH_PYTHON="$(TORCH_PYTHON)" BS_ROFORMER_4="$(BS_ROFORMER_4)" MUSICNN_WHEEL="$(MUSICNN_WHEEL)" \
	  BEAM_PYTHON="$(BEAM_PYTHON)" $(BIN)/python -m pytest -q -m extras

# Endurance: long, and at random moments. What has passed at this revision is not run again.
soak: env beam compiler
	BEAM_PYTHON="$(BEAM_PYTHON)" $(BIN)/python -m pytest -q -s -p tests.support.soak -m soak

lint: env
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32

# The locks are made with uv; the environment needs only pip.
lock:
	uv pip compile setup.py --extra cpu --extra dev --extra export --constraint requirements/constraints.txt \
	  --universal --python-version 3.11 --generate-hashes --no-header --no-annotate --upgrade -o $(LOCK)
	for extra in gpu preflight tpu tpu-jax; do \
	  uv pip compile setup.py --extra $$extra --constraint requirements/constraints.txt --python-version 3.11 \
	    --python-platform x86_64-manylinux_2_31 --generate-hashes --no-header --no-annotate --upgrade \
	    -o requirements/$$extra.txt || exit 1; \
	done
	uv pip compile setup.py --extra cpu --extra beam --constraint requirements/constraints.txt --python-version 3.11 \
	  --python-platform x86_64-manylinux_2_31 --generate-hashes --no-header --no-annotate --upgrade \
	  -o requirements/beam.txt

# In an environment of its own: libtpu and its jax, no TensorFlow.
preflight: .venv-preflight/complete
	.venv-preflight/bin/python -m trainer.preflight $(ARGS)

.venv-preflight/complete: requirements/preflight.txt setup.py
	sh requirements/make_env.sh .venv-preflight requirements/preflight.txt $(PYTHON)
	touch $@

# For data_prep.write --runner=beam: Apache Beam wants an older pillow.
beam: .venv-beam/complete

.venv-beam/complete: requirements/beam.txt setup.py
	sh requirements/make_env.sh .venv-beam requirements/beam.txt $(PYTHON)
	touch $@

env: .venv/complete ffmpeg

.venv/complete: $(LOCK) setup.py
	sh requirements/make_env.sh .venv $(LOCK) $(PYTHON)
	touch $@

ffmpeg:
	@sh requirements/install_program.sh ffmpeg "to read MUSDB18"

# gcc, and the headers of the C library, which it alone would come without.
compiler:
	@sh requirements/install_program.sh g++ "to kill commands at chosen moments"

chromium:
	@sh requirements/install_program.sh chromium "to test the reports"
