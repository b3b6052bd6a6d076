"""Cloud Storage on the loopback address: python -m tests.support.gcs_server FOLDER writes
FOLDER/ca.pem and prints its port.

One port is two things. To clients it is an HTTPS proxy that answers for *.googleapis.com by itself
and refuses every other host, so that libraries with fixed addresses, TensorFlow's gs:// among them,
need no change and nothing leaves the machine. To the tests it is plain HTTP under /control, to make
buckets, inject faults and see what was asked.

Behind it is gcp-storage-emulator, mended where clients would notice: preconditions, empty bodies,
pages of lists, ranges beyond the end, uploads of which nothing has arrived, several requests at
once, and 401 without credentials.
"""

import base64
import io
import json
import logging
import re
import socket
import ssl
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from gcp_storage_emulator import server as emulator
from gcp_storage_emulator.exceptions import NotFound
from gcp_storage_emulator.handlers import buckets, objects
from gcp_storage_emulator.storage import Storage

PAGE_SIZE = 5  # a real server may send pages as short as it likes
SLOW_SECS = 0.3
_MESSAGES = {
    400: "invalid_grant",
    401: "Anonymous caller does not have access to the Google Cloud Storage object.",
    403: "test@test.iam.gserviceaccount.com does not have access to the Google Cloud Storage object.",
    412: "At least one of the pre-conditions you specified did not hold.",
    429: "The object exceeded the rate limit for object mutation operations.",
}


class Target(NamedTuple):
    """What a request does to which object: list, stat, read, write, copy, delete, bucket or token."""

    operation: str
    bucket: str
    name: str


class Fault:
    """What happens to requests instead: a status, or slow, cut (half of the bytes), lost (done but
    not answered).
    """

    def __init__(self, outcome, bucket, operations=(), prefix="", times=None):
        self.outcome, self._bucket, self._operations, self._prefix = (
            outcome,
            bucket,
            operations,
            prefix,
        )
        self._times = {} if times else None  # counted for each object by itself
        self._most = times

    def strikes(self, target):
        if self._bucket != target.bucket or (
            self._operations and target.operation not in self._operations
        ):
            return False
        if not target.name.startswith(self._prefix):
            return False
        if self._times is None:
            return True
        self._times[target] = self._times.get(target, 0) + 1
        return self._times[target] <= self._most


class MendedStorage(Storage):
    """Objects in memory, counting how often each is written."""

    def __init__(self):
        super().__init__(use_memory_fs=True)
        self.num_writes = {}
        # Upload session -> the object that came of it: who lost the answer may ask again.
        self.finished = {}

    def _write_config_to_file(self):
        """Nothing to keep; the emulator would write down all of its state at every request."""

    def create_file(self, bucket_name, file_name, content, file_obj, file_id=None):
        super().create_file(bucket_name, file_name, content, file_obj, file_id)
        key = f"{bucket_name}/{file_name}"
        self.num_writes[key] = self.num_writes.get(key, 0) + 1
        if file_id:
            self.finished[file_id] = file_obj

    def generation(self, bucket, name):
        return self.objects.get(bucket, {}).get(name, {}).get("generation", "0")


class MendedRequest(emulator.Request):
    @property
    def data(self):
        return super().data or b""  # an empty body is none to the emulator, and it fails on that


class MendedResponse(emulator.Response):
    def without(self, header):
        self._headers.pop(header, None)


def list_objects(request, response, storage):
    """A page of the list, in the order of names."""
    bucket, query = (
        request.params["bucket_name"],
        {name: values[0] for name, values in request.query.items()},
    )
    try:
        found, prefixes = storage.get_file_list(bucket, query.get("prefix"), query.get("delimiter"))
    except NotFound:
        response.status = HTTPStatus.NOT_FOUND
        return
    entries = sorted(
        [(each["name"], each) for each in found] + [(prefix, None) for prefix in prefixes]
    )
    entries = [entry for entry in entries if entry[0] > query.get("pageToken", "")]
    size = min(int(query.get("maxResults", PAGE_SIZE)), PAGE_SIZE)
    page = entries[:size]
    answer = {"kind": "storage#objects"}
    answer["items"] = [each for _, each in page if each]
    answer["prefixes"] = [name for name, each in page if not each]
    if len(entries) > size:
        answer["nextPageToken"] = page[-1][0]
    response.json(answer)


def upload_part(request, response, storage):
    """As the emulator does it, but for uploads of which nothing has come (it says: one byte), and
    finished ones.
    """
    session = request.query["upload_id"][0]
    if session in storage.finished:
        response.json(storage.finished[session])
        return
    objects.upload_partial(request, response, storage)
    if response.status == 308 and not storage.get_resumable_byte_count(session):
        response.without("Range")


_HANDLERS = (
    (r"^/storage/v1/b/(?P<bucket_name>[-.\w]+)/o$", {"GET": list_objects}),
    (
        r"^/upload/storage/v1/b/(?P<bucket_name>[-.\w]+)/o$",
        {"POST": objects.insert, "PUT": upload_part},
    ),
    *emulator.HANDLERS,
)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    host = ""  # that a client believes to talk to

    def do_CONNECT(self):
        host = self.path.split(":")[0]
        if not host.endswith(".googleapis.com"):
            self.server.refused.append(host)
            self.send_error(HTTPStatus.FORBIDDEN, "nothing leaves this machine")
            return
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        self.connection = self.server.tls.wrap_socket(self.connection, server_side=True)
        self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
        self.host, self.close_connection = host, False

    def finish(self):
        super().finish()
        self.connection.close()

    def do_GET(self):
        if (
            "Transfer-Encoding" in self.headers
        ):  # TensorFlow sends a length too, which counts for nothing then
            del self.headers["Content-Length"]
        self._body = emulator._read_raw_data(self) or b""
        if self.path.startswith("/control"):
            self._answer(self.server.control(json.loads(self._body)))
        elif self.host:
            self._serve()
        else:
            self.server.refused.append(self.path)
            self.send_error(HTTPStatus.FORBIDDEN, "nothing leaves this machine")

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815

    def _serve(self):
        target, fault = self._target(), None
        with self.server.lock:
            fault = next(
                (each.outcome for each in self.server.faults if each.strikes(target)), None
            )
            if (
                target.operation not in ("token", "bucket")
                and not self.headers.get("Authorization", "Bearer ")[7:]
            ):
                fault = 401
            self.server.requests.append((*target, fault))
        if fault == "slow":
            time.sleep(SLOW_SECS)
        if isinstance(fault, int):
            self._answer(
                {"error": {"code": fault, "message": _MESSAGES.get(fault, "backend error")}}, fault
            )
        elif fault == "cut" and target.operation != "read":
            self._hang_up()
        elif target.operation == "token":
            self._answer({"access_token": "secret", "expires_in": 3600, "token_type": "Bearer"})
        else:
            self._emulate(target, fault)

    def _target(self):
        request = emulator.Request(self, self.command)
        path, query = request.path, request.query
        if path.endswith("/token"):
            return Target("token", "", "")
        if match := re.fullmatch(r"(?:/\w+)?/storage/v1/b/([^/]+)(?:/o(?:/(.+))?)?", path):
            bucket, name = match[1], unquote(match[2] or "")
        else:
            bucket, _, name = unquote(path).removeprefix("/").partition("/")
        if "upload_id" in query:
            session = self.server.storage.resumable.get(query["upload_id"][0], {})
            return Target("write", bucket, session.get("name", ""))
        if self.command == "POST" and "uploadType" in query:
            return Target(
                "write", bucket, query["name"][0] if "name" in query else self._name_in_body()
            )
        if copied := re.fullmatch(r".+/(?:rewriteTo|copyTo)/b/([^/]+)/o/(.+)", name):
            return Target("copy", copied[1], copied[2])
        if path.endswith("/o"):
            return Target("list", bucket, query.get("prefix", [""])[0])
        if not name:
            return Target("bucket", bucket, "")
        stat = path.startswith("/storage/v1") and query.get("alt") != ["media"]
        return Target(
            {"GET": "stat" if stat else "read", "DELETE": "delete"}.get(self.command, "write"),
            bucket,
            name,
        )

    def _name_in_body(self):
        return json.loads(re.search(rb"\{.*?\}", self._body, re.DOTALL)[0])["name"]

    def _emulate(self, target, fault):
        client, self.rfile = self.rfile, io.BytesIO(self._body)
        for header in ("Transfer-Encoding", "Content-Length"):
            del self.headers[header]
        self.headers["Content-Length"] = str(len(self._body))
        request, response = MendedRequest(self, self.command), MendedResponse(self)
        with self.server.lock:
            refusal = self._refusal(request, target)
            if not refusal:
                self._dispatch(request, response)
        self.rfile = client
        if refusal:
            self._answer(
                {"error": {"code": refusal, "message": _MESSAGES.get(refusal, "")}}, refusal
            )
        elif fault == "lost":
            self._hang_up()
        elif fault == "cut":
            half = response._content[: len(response._content) // 2]
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Length", str(len(response._content)))
            self.end_headers()
            self.wfile.write(half)
            self._hang_up()
        else:
            response.close()

    def _refusal(self, request, target):
        """The status of a request of which a condition does not hold."""
        generation = self.server.storage.generation(target.bucket, target.name)
        query = {name: values[0] for name, values in request.query.items()}
        if (
            query.get("ifGenerationMatch", generation) != generation
            or query.get("ifGenerationNotMatch") == generation
        ):
            return 412
        if (
            target.operation in ("read", "stat")
            and query.get("generation", generation) != generation
        ):
            return 404
        wanted = re.match(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if target.operation == "read" and generation != "0" and wanted:
            size = len(self.server.storage.get_file(target.bucket, target.name))
            return 416 if int(wanted[1]) >= size else None
        return None

    def _dispatch(self, request, response):
        for pattern, handlers in _HANDLERS:
            if (match := re.fullmatch(pattern, request.path)) and self.command in handlers:
                request.set_match(match)
                handlers[self.command](request, response, self.server.storage)
                return
        response.status = HTTPStatus.NOT_IMPLEMENTED

    def _answer(self, content, status=200):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def send_header(self, keyword, value):
        if keyword == "Location":  # the emulator does not know that its client came by TLS
            value = value.replace("http://", "https://", 1)
        super().send_header(keyword, value)

    @property
    def storage(self):
        return self.server.storage

    def log_message(self, *_):
        """Quiet: the tests look at ``requests``."""


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, folder):
        super().__init__(("127.0.0.1", 0), Handler)
        self.tls = _tls(folder)
        self.storage, self.lock = MendedStorage(), threading.RLock()
        self.faults, self.requests, self.refused = [], [], []

    def control(self, order):
        """What a test asks for, by name."""
        with self.lock:
            return getattr(self, f"_{order.pop('do')}")(**order)

    def _create(self, bucket):
        buckets.create_bucket(bucket, self.storage)
        self.storage.buckets[bucket]["softDeletePolicy"] = {"retentionDurationSeconds": "0"}

    def _inject(self, **fault):
        self.faults.append(Fault(**fault))

    def _heal(self):
        self.faults.clear()

    def _forget(self):
        self.requests.clear()
        self.storage.num_writes.clear()

    def _seen(self):
        return {
            "requests": self.requests,
            "num_writes": self.storage.num_writes,
            "refused": self.refused,
        }

    def _names(self, bucket):
        return {
            name: int(each["size"]) for name, each in self.storage.objects.get(bucket, {}).items()
        }

    def _get(self, bucket, name):
        return base64.b64encode(self.storage.get_file(bucket, name)).decode()

    def _put(self, bucket, name, content):
        content = base64.b64decode(content)
        resource = objects._make_object_resource(
            "", bucket, name, "application/octet-stream", str(len(content))
        )
        self.storage.create_file(bucket, name, content, objects._checksums(content, resource))

    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError | ssl.SSLError | OSError):
            super().handle_error(request, client_address)


def _tls(folder):
    """What makes the server *.googleapis.com for clients that trust FOLDER/ca.pem."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "loopback test CA")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), 1, now - timedelta(days=1), now + timedelta(days=2)
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("*.googleapis.com")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    (folder / "ca.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "ca.key").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "ca.key")
    return context


if __name__ == "__main__":
    logging.disable()  # the emulator tells of every object that is not there
    with Server(Path(sys.argv[1])) as served:
        print(served.server_port, flush=True)
        served.serve_forever()
