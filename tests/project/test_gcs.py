"""The server that stands in for Cloud Storage: nothing leaves the machine, and what a real one
does, it does.
"""

import subprocess
import sys

import pytest
from google.api_core import exceptions
from google.cloud import storage

from tests.support.gcs import Gcs

REACH = """
import sys, urllib.request
try:
    urllib.request.urlopen(sys.argv[1], timeout=5)
except OSError as error:
    sys.exit(str(error))
"""


def test_nothing_leaves_the_loopback_address(tmp_path):
    gcs = Gcs(tmp_path)
    try:
        for url, message in (("https://example.com", "403"), ("http://example.com", "refused")):
            command = [sys.executable, "-c", REACH, url]
            result = subprocess.run(
                command, env=gcs.environment, capture_output=True, text=True, check=False
            )
            assert message in result.stderr, result.stderr
        assert gcs.refused() == ["example.com"]
    finally:
        gcs.stop()


@pytest.fixture
def blobs(bucket):
    return storage.Client(project="").bucket(bucket)


def test_conditions_hold_or_nothing_happens(blobs):
    blob = blobs.blob("a")
    blob.upload_from_string("one", if_generation_match=0)
    first = blob.generation
    for refused in (
        lambda: blob.upload_from_string("x", if_generation_match=0),
        lambda: blob.delete(if_generation_match=1),
    ):
        with pytest.raises(exceptions.PreconditionFailed):
            refused()
    blob.upload_from_string("two", if_generation_match=first)
    assert blob.generation != first
    assert blobs.blob("a").download_as_bytes(if_generation_not_match=first) == b"two"
    with pytest.raises(exceptions.NotFound):
        blobs.blob("a", generation=first).download_as_bytes()


def test_lists_come_in_pages_and_in_order(blobs, gcs, bucket):
    names = [f"{folder}/{i:02}" for folder in "cab" for i in range(6)]
    for name in names:
        gcs.put(bucket, name, b"")
    assert [blob.name for blob in blobs.list_blobs()] == sorted(names)
    assert sum(operation == "list" for operation, _, _ in gcs.requests(bucket)) == 4
    listing = blobs.list_blobs(delimiter="/")
    assert list(listing) == []
    assert sorted(listing.prefixes) == ["a/", "b/", "c/"]


def test_empty_objects_and_ranges(blobs):
    blobs.blob("empty").upload_from_string("")
    assert blobs.blob("empty").download_as_bytes() == b""
    blobs.blob("ten").upload_from_string("0123456789")
    assert blobs.blob("ten").download_as_bytes(start=7, end=20) == b"789"
    with pytest.raises(exceptions.RequestRangeNotSatisfiable):
        blobs.blob("ten").download_as_bytes(start=10)
