"""A folder in a Cloud Storage bucket, through Google's client library.

An object appears whole or not at all, so there are no temporary names here. What can fail is told in one sentence
each; what passes by itself (429, 408 and 5xx answers, broken connections) is tried again with growing pauses.
"""

import functools
import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from data_prep.storage.faults import FAILURES, explain, heart_of, is_transient
from data_prep.storage.files import Stored, another_file, checksum, plain_name, reason, require_part

with warnings.catch_warnings():
    warnings.filterwarnings(
        "ignore", "You are using a Python version", FutureWarning
    )  # ours is set by TensorFlow's
    import google.auth
    from google.api_core.exceptions import NotFound, PreconditionFailed, RequestRangeNotSatisfiable
    from google.api_core.retry import Retry
    from google.auth.transport.requests import Request
    from google.cloud import storage

SCHEME = "gs://"
_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_CHUNK_BYTES = 16 * 2**20  # of an upload: what a broken connection sends again at most
_PATIENCE_SECS = 600.0  # an outage of minutes must not end a job of days
_CHECK_SECS = 8.0
_FIRST_PAUSE_SECS, _LONGEST_PAUSE_SECS = 0.5, 30.0
_CONNECT_SECS, _READ_SECS = 5.0, 60.0


class BucketFolder:
    """A ``Folder`` (``data_prep.storage``) in a bucket."""

    def __init__(self, url: str, patience_secs: float = _PATIENCE_SECS) -> None:
        """Opens ``gs://BUCKET/FOLDER``; ``patience_secs`` is for how long what may pass is tried again."""
        self._url, self._patience_secs = url.rstrip("/"), patience_secs
        self._bucket_name, _, folder = self._url.removeprefix(SCHEME).partition("/")
        self._prefix = f"{folder}/"
        if not self._bucket_name or not all(part.strip(".") for part in folder.split("/")):
            raise ValueError(f"{url} is no folder in a bucket; expected gs://BUCKET/FOLDER.")

    @property
    def url(self) -> str:
        """The address, without a slash at its end."""
        return self._url

    @property
    def scratch(self) -> Path:
        """In the system's folder for temporary files; of one user and address, so that the next job cleans it up."""
        path = Path(
            tempfile.gettempdir(),
            f"source-separation-{os.getuid()}-{sha256(self._url.encode()).hexdigest()[:16]}",
        )
        path.mkdir(mode=0o700, exist_ok=True)
        if path.is_symlink() or path.stat().st_uid != os.getuid():
            raise ValueError(
                f"{path} belongs to someone else; remove it, or set TMPDIR to a folder of your own."
            )
        return path

    def check(self) -> None:
        """Lists the folder, makes it, and writes, reads and deletes a small object, as jobs will, within seconds.

        Raises:
            ValueError: one of these fails, or TensorFlow's own client cannot read.
        """
        quick = BucketFolder(self._url, _CHECK_SECS)
        quick.list_names()
        # TensorFlow would ask for the bucket itself where a folder is not there yet: a permission that few have.
        if not quick._find(""):
            quick._upload_text("", "")
        probe = f".probe-{uuid4().hex}"
        quick.write_text(probe, probe)
        try:
            if quick.read_text(probe) != probe:
                raise ValueError(
                    f"{self._url} does not keep what is written to it; choose another folder."
                )
            quick.check_tensorflow(probe)
        finally:
            quick.delete(probe)

    def check_tensorflow(self, name: str) -> None:
        """Reads a file by TensorFlow's own client, which finds credentials by itself and knows fewer kinds of them.

        Raises:
            ValueError: that fails.
        """
        import tensorflow as tf

        try:
            with tf.io.gfile.GFile(f"{self._url}/{name}", "rb") as file:
                file.read()
        except tf.errors.OpError as error:
            raise ValueError(
                f"TensorFlow cannot read from gs://{self._bucket_name} although Google's client library can "
                f"({reason(error)}); give it credentials of a kind that it knows: a service account's key in "
                f"GOOGLE_APPLICATION_CREDENTIALS, 'gcloud auth application-default login', or those of a Google VM."
            ) from error

    def stat(self, name: str) -> Stored | None:
        """What the bucket says of an object."""
        found = self._find(plain_name(name))
        return Stored(found.size, found.crc32c) if found else None

    def put(self, path: Path, name: str, overwrite: bool = True) -> None:
        """Uploads a file, unless the same is there, over nothing but what was there when the upload began."""
        wanted, found = checksum(path), self._find(plain_name(name))
        if found is None or (found.size, found.crc32c) != wanted:
            if found and not overwrite:
                raise another_file(f"{self._url}/{name}")
            blob = self._blob(name)
            blob.chunk_size = _CHUNK_BYTES
            with self._telling("write", name) as options, suppress(PreconditionFailed):
                generation = found.generation if found else 0
                blob.upload_from_filename(
                    path, if_generation_match=generation, checksum="crc32c", **options
                )
            # Where an answer was lost, the next try finds its own object in the way: only the content tells.
            if self.stat(name) != wanted:
                raise ValueError(
                    f"{self._url}/{name} was written by another job at the same time; end one of them."
                )
        path.unlink()

    def read_text(self, name: str) -> str | None:
        """Reads UTF-8."""
        with self._telling("read", plain_name(name)) as options, suppress(NotFound):
            return self._blob(name).download_as_bytes(**options).decode()
        return None

    def read_part(self, name: str, start: int, size: int) -> bytes:
        """Reads a range; TensorFlow's own client would fetch 64 MiB for a few bytes."""
        found = b""
        with (
            self._telling("read", plain_name(name)) as options,
            suppress(NotFound, RequestRangeNotSatisfiable),
        ):
            found = self._blob(name).download_as_bytes(start=start, end=start + size - 1, **options)
        return require_part(found, start, size, f"{self._url}/{name}")

    def write_text(self, name: str, text: str) -> None:
        """Writes UTF-8."""
        self._upload_text(plain_name(name), text)

    def delete(self, name: str) -> None:
        """Deletes an object if it is there."""
        with self._telling("delete", plain_name(name)) as options, suppress(NotFound):
            self._blob(name).delete(**options)

    def list_names(self) -> list[str]:
        """The objects of the folder itself, not of folders in it."""
        with self._telling("list") as options:
            blobs = self._bucket.client.list_blobs(
                self._bucket, prefix=self._prefix, delimiter="/", **options
            )
            return sorted(name for blob in blobs if (name := blob.name.removeprefix(self._prefix)))

    def close(self) -> None:
        """Removes the scratch folder."""
        shutil.rmtree(self.scratch)

    @functools.cached_property
    def _bucket(self) -> storage.Bucket:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
        # Here, because the client's own first refresh waits for minutes where no answer comes.
        credentials.refresh(functools.partial(Request(), timeout=_CONNECT_SECS))
        return storage.Client(project="", credentials=credentials).bucket(self._bucket_name)

    def _blob(self, name: str) -> storage.Blob:
        return self._bucket.blob(self._prefix + name)

    def _find(self, name: str) -> storage.Blob | None:
        with self._telling("read", name) as options:
            return self._bucket.get_blob(self._prefix + name, **options)

    def _upload_text(self, name: str, text: str) -> None:
        with self._telling("write", name) as options:
            self._blob(name).upload_from_string(text.encode(), checksum="crc32c", **options)

    @contextmanager
    def _telling(self, action: str, name: str = "") -> Iterator[dict[str, object]]:
        """Yields how requests are to wait and be tried again; what they end in is one sentence.

        A 404 that gets here is the bucket's: where an object may be missing, that is caught before.
        """

        def tell(error: Exception) -> None:
            print(
                f"{self._url}/{name}: {action} failed ({heart_of(error)}), trying again", flush=True
            )

        retry = Retry(
            is_transient,
            initial=_FIRST_PAUSE_SECS,
            maximum=_LONGEST_PAUSE_SECS,
            timeout=self._patience_secs,
            on_error=tell,
        )
        try:
            yield {"retry": retry, "timeout": (_CONNECT_SECS, min(_READ_SECS, self._patience_secs))}
        except FAILURES as error:
            raise ValueError(explain(error, action, self._bucket_name)) from error
