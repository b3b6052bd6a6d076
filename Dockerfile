# docker build --target=cpu --tag=separation:cpu .            every command, and the tests
# docker build --target=gpu --tag=separation:gpu .            the same with TensorFlow's CUDA
# docker build --target=tpu --tag=separation:tpu .            with the TensorFlow of a TPU VM
# docker build --target=tpu-jax --tag=separation:tpu-jax .    with the JAX of a TPU VM
# On a machine with GPUs: docker run --gpus=all separation:gpu python -m trainer.task ...
# On a TPU VM: docker run --privileged --net=host separation:tpu python -m trainer.task --tpu=local ...
#              docker run --privileged --net=host separation:tpu-jax python -m trainer.task --backend=jax ...
FROM python:3.11.13-slim-bookworm AS base
ENV PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
WORKDIR /app
COPY requirements/install_program.sh requirements/
RUN sh requirements/install_program.sh ffmpeg "to read MUSDB18" && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid=1000 researcher && chown researcher /app

FROM base AS cpu
COPY requirements/cpu-dev.txt requirements/
RUN pip install --require-hashes --requirement=requirements/cpu-dev.txt
COPY --chown=researcher . .
RUN pip install --no-deps --no-build-isolation --editable .
USER researcher
CMD ["python", "-m", "trainer.task", "--help"]

FROM base AS gpu
COPY requirements/gpu.txt requirements/
RUN pip install --require-hashes --requirement=requirements/gpu.txt
COPY --chown=researcher . .
RUN pip install --no-deps --no-build-isolation --editable .
USER researcher
CMD ["python", "-m", "trainer.task", "--help"]

FROM base AS tpu
COPY requirements/tpu.txt requirements/
RUN pip install --require-hashes --requirement=requirements/tpu.txt
COPY --chown=researcher . .
RUN pip install --no-deps --no-build-isolation --editable .
USER researcher
CMD ["python", "-m", "trainer.task", "--help"]

FROM base AS tpu-jax
COPY requirements/tpu-jax.txt requirements/
RUN pip install --require-hashes --requirement=requirements/tpu-jax.txt
COPY --chown=researcher . .
RUN pip install --no-deps --no-build-isolation --editable .
USER researcher
CMD ["python", "-m", "trainer.task", "--help"]
