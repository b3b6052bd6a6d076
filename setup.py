"""Packages the project: what it needs, and nothing for the sake of the machine it runs on."""

from setuptools import find_packages, setup

setup(
    name="tpu-source-separation",
    version="0.1.0",
    description=(
        "Music source separation with an expanded, label-conditioned Wave-U-Net on TPU, GPU or CPU"
    ),
    license="Apache-2.0",
    python_requires=">=3.11,<3.13",
    packages=find_packages(include=["configs*", "data_prep*", "trainer*", "evaluation*"]),
    package_data={
        "configs.splits": ["*.json"],
        "data_prep.shots": ["*.jinja"],
        "evaluation": ["py.typed"],
        "evaluation.document": ["*.jinja", "*.css", "*.js"],
        "evaluation.player": ["*.jinja", "*.css", "*.js"],
        "evaluation.server": ["page/*.html", "page/*.css", "page/*.js"],
    },
    entry_points={"console_scripts": ["source-separate = evaluation.songs.console:main"]},
    install_requires=[
        "absl-py>=2.1",
        "av>=12",
        "google-cloud-storage>=2.18",
        "google-crc32c>=1.5",
        "jinja2>=3.1",
        "keras>=3.10",
        "markupsafe>=2.1",
        "matplotlib>=3.10",
        "mido>=1.3",
        "musdb>=0.4.2",
        "numpy>=1.26",
        "pyyaml>=6",
        "pillow>=10",
        "scikit-learn>=1.5",
        "scipy>=1.13",
        "soundfile>=0.12",
        "soxr>=0.5",
        "starlette>=0.40",
        # Mel spectrograms of a training run; it is not built for Windows, where nothing is trained.
        "tensorflow-io>=0.37; sys_platform != 'win32'",
        "threadpoolctl>=3.5",
        "tqdm>=4.66",
        "uvicorn>=0.30",
    ],
    extras_require={
        # One TensorFlow per environment: tensorflow, tensorflow-cpu and tensorflow-tpu install the
        # same files. tensorflow-cpu, where it is built, is a third of the download and does not
        # look for GPU drivers at each start.
        "cpu": [
            "tensorflow-cpu>=2.19,<2.22; sys_platform == 'linux' and platform_machine == 'x86_64'",
            "tensorflow>=2.19,<2.22; sys_platform != 'linux' or platform_machine != 'x86_64'",
        ],
        "gpu": ["tensorflow[and-cuda]>=2.19,<2.22"],
        "tpu": ["tensorflow-tpu==2.19.1", "libtpu==0.0.10", "numpy<2.2"],
        # JAX computes, as preflight compiles; TensorFlow reads records and keeps checkpoints.
        "tpu-jax": ["jax[tpu]==0.10.2", "tensorflow-cpu>=2.19,<2.22"],
        # Compiles for a TPU that is not there; libtpu is built for Linux on x86_64 alone.
        "preflight": ["jax[tpu]>=0.10", "setuptools>=70"],
        # For data_prep.write --runner=beam: the newest that takes the protobuf of TensorFlow 2.19.
        "beam": ["apache-beam[gcp]>=2.75,<2.76", "pillow<13"],
        # What trainer.export makes and checks ONNX and TFLite with; a SavedModel needs none of it.
        "export": [
            "ai-edge-litert>=2.0",
            "onnx>=1.16",
            "onnxruntime>=1.20",
            "tf2onnx>=1.17",
        ],
        "dev": [
            "cryptography>=43",
            "gcp-storage-emulator>=2024.8",
            "hypothesis>=6.100",
            "jax>=0.6",
            "mir_eval>=0.8,<0.9",
            "museval>=0.4.1",
            "mypy>=1.11",
            "playwright>=1.48",
            "pyloudnorm>=0.1.1",
            "pytest>=8.2",
            "pytest-xdist>=3.6",
            "ruff>=0.6",
        ],
    },
)
