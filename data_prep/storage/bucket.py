"""Keeps files in a folder in a Cloud Storage bucket, through Google's client library.

An object appears whole or not at all, so there are no temporary names here. What can fail is told
in one sentence each; what passes by itself (429, 408 and 5xx answers, broken connections) is tried
again with growing pauses.
"""

import errno
import functools
import shutil
import tempfile
import warnings
from contextlib import AbstractContextManager, suppress
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

from configs.reading import decode_text, require_text_size
from data_prep.runtime.system import user_number
from data_prep.runtime.tensorflow_errors import reason
from data_prep.storage.faults import CONNECT_SECS, retried_requests
from data_prep.storage.files import (
    Digest,
    another_file,
    checksum,
    plain_name,
    require_part,
    written_by_another,
)
from data_prep.storage.folder import VersionedText

with warnings.catch_warnings():
    # Ours is the version that TensorFlow for TPUs needs.
    warnings.filterwarnings("ignore", "You are using a Python version", FutureWarning)
    import google.auth
    from google.api_core.exceptions import NotFound, PreconditionFailed, RequestRangeNotSatisfiable
    from google.auth.transport.requests import Request
    from google.cloud import storage

# An outage of minutes must not end a job of days.
PATIENCE_SECS = 600.0

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
# Of an upload: what a broken connection sends again at most.
_CHUNK_BYTES = 16 * 2**20
# A check fails sooner than a job that is under way: somebody waits for it.
_CHECK_SECS = 8.0


class BucketFolder:
    """Is a ``Folder`` in a bucket; a version is the generation of an object."""

    def __init__(self, url: str, patience_secs: float = PATIENCE_SECS) -> None:
        """Opens a folder without a request.

        Args:
            url: ``gs://BUCKET/FOLDER``.
            patience_secs: for how long what may pass is tried again.

        Raises:
            ValueError: the address is of another form.
        """
        self._url = url.rstrip("/")
        self._patience_secs = patience_secs
        self._bucket_name, _, folder = self._url.removeprefix("gs://").partition("/")
        self._prefix = f"{folder}/"
        # Parts such as "." or none would be other names to a bucket than to a reader.
        if not self._bucket_name or not all(part.strip(".") for part in folder.split("/")):
            raise ValueError(f"{url} is no folder in a bucket; expected gs://BUCKET/FOLDER.")

    @property
    def url(self) -> str:
        """Returns the address, without a slash at its end."""
        return self._url

    @property
    def scratch(self) -> Path:
        """Returns a temporary folder, the same for the next command of one user and address."""
        user = user_number()
        path = Path(
            tempfile.gettempdir(),
            f"source-separation-{user}-{sha256(self._url.encode()).hexdigest()[:16]}",
        )
        path.mkdir(mode=0o700, exist_ok=True)
        # Anybody may make a folder of that name in /tmp before us.
        if path.is_symlink() or path.stat().st_uid != user:
            raise ValueError(
                f"{path} belongs to someone else; remove it, or set TMPDIR to a folder of your own."
            )
        return path

    def check(self) -> None:
        """Lists the folder, makes it, and writes, reads and deletes a small object, within seconds.

        Raises:
            ValueError: one of these fails, or TensorFlow's own client cannot read.
        """
        quick = BucketFolder(self._url, _CHECK_SECS)
        quick.list_names()
        # Where a folder is not there yet TensorFlow would ask for the bucket itself, which takes a
        # permission that few have.
        if not quick._find(""):
            quick._upload_text(name="", text="")
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
        """Reads a file by TensorFlow's own client.

        It finds credentials by itself and knows fewer kinds of them.

        Raises:
            ValueError: that fails.
        """
        import tensorflow as tf

        try:
            with tf.io.gfile.GFile(f"{self._url}/{name}", "rb") as file:
                file.read()
        except tf.errors.OpError as error:
            raise ValueError(
                f"TensorFlow cannot read from gs://{self._bucket_name} although Google's client "
                f"library can ({reason(error)}); give it credentials of a kind that it knows: a "
                f"service account's key in GOOGLE_APPLICATION_CREDENTIALS, "
                f"'gcloud auth application-default login', or those of a Google VM."
            ) from error

    def stat(self, name: str) -> Digest | None:
        """Returns what the bucket says of an object."""
        blob = self._find(plain_name(name))
        return Digest(blob.size, blob.crc32c) if blob else None

    def put(self, path: Path, name: str, overwrite: bool = True) -> None:
        """Uploads a file, unless the same is there.

        It is written over nothing but what was there when the upload began.
        """
        wanted = checksum(path)
        present = self._find(plain_name(name))
        if present is None or (present.size, present.crc32c) != wanted:
            if present and not overwrite:
                raise another_file(f"{self._url}/{name}")
            blob = self._blob(name)
            blob.chunk_size = _CHUNK_BYTES
            with self._retried("write", name) as options, suppress(PreconditionFailed):
                # Generation 0 stands for no object.
                generation = present.generation if present else 0
                blob.upload_from_filename(
                    path, if_generation_match=generation, checksum="crc32c", **options
                )
            # Where an answer was lost, the next try finds its own object in the way: only the
            # content tells.
            if self.stat(name) != wanted:
                raise written_by_another(f"{self._url}/{name}")
        path.unlink()

    def fetch(self, name: str, path: Path) -> None:
        """Downloads the object, and compares its checksum."""
        present = self._find(plain_name(name))
        if present is None:
            raise FileNotFoundError(errno.ENOENT, "is not there", f"{self._url}/{name}")
        self._download(present, path)

    def list_tree(self) -> dict[str, Digest]:
        """Returns what the bucket says of all objects below the folder, by their names from it."""
        with self._retried("list") as options:
            blobs = self._bucket.client.list_blobs(self._bucket, prefix=self._prefix, **options)
            found = {blob.name.removeprefix(self._prefix): blob for blob in blobs}
        return {
            name: Digest(blob.size, blob.crc32c)
            for name, blob in sorted(found.items())
            # Folders may be objects without bytes.
            if name and not name.endswith("/")
        }

    def fetch_object(self, name: str, path: Path, digest: Digest) -> None:
        """Downloads an object of ``list_tree``.

        Raises:
            ValueError: it is gone, or another by now.
        """
        present = self._find(name)
        if present is None or (present.size, present.crc32c) != digest:
            raise ValueError(
                f"{self._url}/{name} has changed since the folder was listed; give the same "
                f"command again."
            )
        self._download(present, path)

    def read_text(self, name: str) -> str | None:
        """Reads UTF-8."""
        newest = self._read_newest(name)
        if newest is None:
            return None
        return decode_text(newest[0], f"{self._url}/{name}")

    def read_part(self, name: str, start: int, size: int) -> bytes:
        """Reads a range; TensorFlow's own client would fetch 64 MiB for a few bytes."""
        part = b""
        is_missing = suppress(NotFound, RequestRangeNotSatisfiable)
        with self._retried("read", plain_name(name)) as options, is_missing:
            part = self._blob(name).download_as_bytes(start=start, end=start + size - 1, **options)
        return require_part(part, start, size, f"{self._url}/{name}")

    def write_text(self, name: str, text: str) -> None:
        """Writes UTF-8."""
        self._upload_text(plain_name(name), text)

    def read_version(self, name: str) -> VersionedText | None:
        """Reads UTF-8 of the newest generation."""
        newest = self._read_newest(name)
        if newest is None:
            return None
        data, generation = newest
        return VersionedText(data.decode(errors="replace"), generation)

    def replace_version(self, name: str, text: str, version: str | None) -> str | None:
        """Uploads a text over that generation alone, or over nothing."""
        blob = self._blob(plain_name(name))
        with self._retried("write", name) as options, suppress(PreconditionFailed):
            # Generation 0 stands for no object.
            generation = int(version) if version else 0
            blob.upload_from_string(
                text.encode(), if_generation_match=generation, checksum="crc32c", **options
            )
            return str(blob.generation)
        # As in ``put``, only the content tells.
        present = self.read_version(name)
        if present is None or present.text != text:
            return None
        return present.version

    def delete_version(self, name: str, version: str) -> None:
        """Deletes an object if it still is of this generation."""
        is_another = suppress(NotFound, PreconditionFailed)
        with self._retried("delete", plain_name(name)) as options, is_another:
            self._blob(name).delete(if_generation_match=int(version), **options)

    def delete(self, name: str) -> None:
        """Deletes an object if it is there."""
        with self._retried("delete", plain_name(name)) as options, suppress(NotFound):
            self._blob(name).delete(**options)

    def list_names(self) -> list[str]:
        """Returns the objects of the folder itself, not of folders in it."""
        with self._retried("list") as options:
            blobs = self._bucket.client.list_blobs(
                self._bucket, prefix=self._prefix, delimiter="/", **options
            )
            names = [blob.name.removeprefix(self._prefix) for blob in blobs]
        # The folder itself is an object without a name of its own.
        return sorted(name for name in names if name)

    def close(self) -> None:
        """Removes the scratch folder."""
        shutil.rmtree(self.scratch)

    @functools.cached_property
    def _bucket(self) -> storage.Bucket:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
        # The client's own first refresh would wait for minutes where no answer comes.
        credentials.refresh(functools.partial(Request(), timeout=CONNECT_SECS))
        return storage.Client(project="", credentials=credentials).bucket(self._bucket_name)

    def _blob(self, name: str) -> storage.Blob:
        return self._bucket.blob(self._prefix + name)

    def _find(self, name: str) -> storage.Blob | None:
        """Returns an object as it is now, None where there is none."""
        with self._retried("read", name) as options:
            return self._bucket.get_blob(self._prefix + name, **options)

    def _read_newest(self, name: str) -> tuple[bytes, str] | None:
        """Returns the bytes of an object as it is now, and their generation."""
        newest = self._find(plain_name(name))
        while newest:
            require_text_size(newest.size, f"{self._url}/{name}")
            blob = self._bucket.blob(newest.name, generation=newest.generation)
            # That generation is gone where another was written meanwhile.
            with self._retried("read", name) as options, suppress(NotFound):
                return blob.download_as_bytes(**options), str(newest.generation)
            newest = self._find(name)
        return None

    def _download(self, present: storage.Blob, path: Path) -> None:
        """Downloads the generation that was found, whatever is put there meanwhile."""
        name = present.name.removeprefix(self._prefix)
        with self._retried("read", name) as options:
            blob = self._bucket.blob(present.name, generation=present.generation)
            blob.download_to_filename(path, checksum="crc32c", **options)

    def _upload_text(self, name: str, text: str) -> None:
        with self._retried("write", name) as options:
            self._blob(name).upload_from_string(text.encode(), checksum="crc32c", **options)

    def _retried(self, action: str, name: str = "") -> AbstractContextManager[dict[str, object]]:
        return retried_requests(
            action, self._bucket_name, f"{self._url}/{name}", self._patience_secs
        )
