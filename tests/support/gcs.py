"""A bucket for a test: starts tests.support.gcs_server, and is what a test says to it."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
import uuid
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

ROOT = Path(__file__).parents[2]


class Gcs:
    """The server; ``environment`` leads a process to it and nowhere else."""

    def __init__(self, folder):
        command = [sys.executable, "-m", "tests.support.gcs_server", str(folder)]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
        port = int(self._process.stdout.readline())
        self._url = f"http://127.0.0.1:{port}/control"
        self._direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self.key = _write_key(folder / "key.json")
        closed = f"http://127.0.0.1:{_closed_port()}"
        proxy, authority = f"http://127.0.0.1:{port}", str(folder / "ca.pem")
        self.variables = {
            **dict.fromkeys(("https_proxy", "HTTPS_PROXY"), proxy),
            **dict.fromkeys(("http_proxy", "HTTP_PROXY"), closed),
            **dict.fromkeys(("no_proxy", "NO_PROXY"), ""),
            **dict.fromkeys(("CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"), authority),
            "GOOGLE_APPLICATION_CREDENTIALS": str(self.key),
            # Of TensorFlow and google-auth: no metadata server is looked for.
            "NO_GCE_CHECK": "true",
            "CLOUDSDK_CONFIG": str(folder / "no_gcloud"),
        }

    @property
    def environment(self):
        return {**os.environ, **self.variables}

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(10)

    def _do(self, what, **details):
        request = urllib.request.Request(
            self._url, json.dumps({"do": what, **details}).encode(), method="POST"
        )
        with self._direct.open(request) as answer:
            return json.load(answer)

    def create(self, word="bucket"):
        """A new bucket, its name beginning with a word."""
        bucket = f"{word}-{uuid.uuid4().hex[:12]}"
        self._do("create", bucket=bucket)
        return bucket

    def inject(self, outcome, bucket, operations=(), prefix="", times=None):
        """A fault: see tests.support.gcs_server.Fault; ``times`` is how often each object meets it."""
        self._do(
            "inject",
            outcome=outcome,
            bucket=bucket,
            operations=operations,
            prefix=prefix,
            times=times,
        )

    def heal(self):
        """End all faults."""
        self._do("heal")

    def forget(self):
        """Begin counting anew."""
        self._do("forget")

    def requests(self, bucket):
        """(operation, name, fault) of all requests for a bucket, in order."""
        seen = self._do("seen")["requests"]
        return [
            (operation, name, fault) for operation, where, name, fault in seen if where == bucket
        ]

    def num_writes(self, bucket):
        """How often each object was written."""
        start = f"{bucket}/"
        return {
            key.removeprefix(start): n
            for key, n in self._do("seen")["num_writes"].items()
            if key.startswith(start)
        }

    def refused(self):
        """Hosts that anyone wanted to reach beside *.googleapis.com."""
        return self._do("seen")["refused"]

    def sizes(self, bucket):
        """Name -> bytes of all objects."""
        return self._do("names", bucket=bucket)

    def get(self, bucket, name):
        return base64.b64decode(self._do("get", bucket=bucket, name=name))

    def put(self, bucket, name, content):
        self._do("put", bucket=bucket, name=name, content=base64.b64encode(content).decode())


def _closed_port():
    """Nobody listens there: it was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _write_key(path):
    """The key of a service account that no one knows."""
    key = rsa.generate_private_key(65537, 2048)
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    account = {
        "type": "service_account",
        "project_id": "test",
        "private_key_id": "1",
        "private_key": pem,
        "client_email": "test@test.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": "https://oauth2.googleapis.com/token",
    }
    path.write_text(json.dumps(account))
    return path
