"""A folder in a bucket: what a folder does, and every way a bucket can fail in one sentence."""

import re
import time
from pathlib import Path

import numpy as np
import pytest

from data_prep.storage import bucket as module
from data_prep.storage import faults, open_folder
from data_prep.storage.files import Digest
from data_prep.storage.folder import making
from tests.support.versions import check_versions

PAGE = (Path(__file__).parents[3] / "docs" / "buckets.md").read_text(encoding="utf-8")
MISSING_KEY = "/no/such/key.json"


def documented(sentence):
    """Whether docs/buckets.md has a sentence, whatever it says in parentheses and of which bucket."""

    def form(text):
        for pattern, replacement in (
            (r"\(.*\)", "(...)"),
            (r"(bucket-\w+|BUCKET)", "bucket"),
            (r"no permission to \w+", "no permission to act"),
            (r"kept answering \d+", "kept answering 503"),
            (r"gs://bucket/\S+", "gs://bucket/file"),
            (r"\S+ begins with \S+;", "x:// begins with x://;"),
            (r"\S+ is no folder", "gs://bucket is no folder"),
        ):
            text = re.sub(pattern, replacement, text)
        return text.rstrip(".")

    rows = re.findall(r"^\| [^|]+ \| ([^|]+) \|$", PAGE, re.MULTILINE)
    assert len(rows) > 12
    return form(sentence) in map(form, rows)


@pytest.fixture
def folder(bucket):
    return open_folder(f"gs://{bucket}/records/urmp")


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(module, "_CHECK_SECS", 1.0)
    monkeypatch.setattr(faults, "_FIRST_PAUSE_SECS", 0.05)


def test_files_come_and_go(gcs, bucket, folder, tmp_path):
    folder.check()
    assert gcs.sizes(bucket) == {"records/urmp/": 0}
    assert folder.list_names() == []
    assert folder.stat("a.txt") is None
    assert folder.read_text("a.txt") is None
    folder.write_text("a.txt", "123456789")
    assert folder.stat("a.txt") == Digest(9, "4waSgw==")  # the check value of CRC-32C, 0xe3069283
    with making(folder, "a.txt") as path:
        path.write_text("other")
    assert folder.read_text("a.txt") == "other"
    (tmp_path / "made").write_text("third")
    with pytest.raises(
        ValueError, match=r"urmp/a\.txt is there already and is another file; delete it, or choose"
    ):
        folder.put(tmp_path / "made", "a.txt", overwrite=False)
    assert folder.read_text("a.txt") == "other"
    folder.delete("a.txt")
    folder.delete("a.txt")
    gcs.put(bucket, "records/urmp/deeper/c.txt", b"")
    gcs.put(bucket, "records/urmp2", b"")
    folder.put(tmp_path / "made", "b.txt", overwrite=False)
    assert not (tmp_path / "made").exists()
    for i in range(12):
        folder.write_text(f"{i:02}.txt", "")
    assert folder.list_names() == [*(f"{i:02}.txt" for i in range(12)), "b.txt"]
    folder.close()


def test_of_those_who_know_the_same_version_one_replaces_it(folder):
    check_versions(folder)


def test_a_version_is_known_again_where_the_answer_was_lost(gcs, bucket, folder):
    gcs.inject("lost", bucket, ["write"], times=1)
    version = folder.replace_version("a.json", "one", None)
    assert folder.read_version("a.json") == ("one", version)
    assert gcs.num_writes(bucket) == {"records/urmp/a.json": 1}


def test_what_is_there_and_equal_is_not_sent_again(gcs, bucket, folder):
    for _ in range(2):
        with making(folder, "train.tfrecord", overwrite=False) as path:
            path.write_bytes(b"records")
    assert gcs.num_writes(bucket) == {"records/urmp/train.tfrecord": 1}


@pytest.fixture(params=["", "cut", "lost", 503])
def large(request, gcs, bucket, folder, monkeypatch, capsys):
    """The bytes of an upload in several parts, twice of which a connection breaks or the server
    fails.
    """
    monkeypatch.setattr(module, "_CHUNK_BYTES", 4 * 2**20)
    content = np.random.default_rng(0).bytes(9 * 2**20 + 1)
    if request.param:
        gcs.inject(request.param, bucket, ["write"], times=2)
    with making(folder, "large.tfrecord") as path:
        path.write_bytes(content)
    assert capsys.readouterr().out.count("large.tfrecord: write failed") == (
        2 if request.param else 0
    )
    return content


def test_a_large_file_arrives_whole_and_once(gcs, bucket, large):
    assert gcs.get(bucket, "records/urmp/large.tfrecord") == large
    assert gcs.num_writes(bucket) == {"records/urmp/large.tfrecord": 1}


@pytest.mark.parametrize("scheme", ["gs", "disk"])
def test_a_part_of_a_file_is_read_and_nothing_else(gcs, bucket, folder, scheme, tmp_path):
    each = folder if scheme == "gs" else open_folder(str(tmp_path))
    with making(each, "a.bin") as path:
        path.write_bytes(bytes(range(256)) * 100)
    gcs.forget()
    assert each.read_part("a.bin", 300, 5) == bytes(range(44, 49))
    if scheme == "gs":
        assert gcs.requests(bucket) == [("read", "records/urmp/a.bin", None)]
    for name, start, size in (("a.bin", 25599, 2), ("a.bin", 25600, 1), ("b.bin", 0, 1)):
        with pytest.raises(
            ValueError, match=rf"{name} is missing or ends before byte {start + size}; write"
        ):
            each.read_part(name, start, size)


def test_half_an_upload_is_no_file(gcs, bucket, monkeypatch):
    monkeypatch.setattr(module, "_CHUNK_BYTES", 2**20)
    folder = module.BucketFolder(f"gs://{bucket}/records", patience_secs=0.5)
    sent = []
    before = gcs.num_writes(bucket)
    original = module.storage.Blob._initiate_resumable_upload

    def cut_after_two_parts(*arguments, **options):
        upload, transport = original(*arguments, **options)
        send = upload.transmit_next_chunk

        def transmit(*args, **kwargs):
            sent.append(1)
            if len(sent) == 3:
                gcs.inject(503, bucket)
            return send(*args, **kwargs)

        upload.transmit_next_chunk = transmit
        return upload, transport

    monkeypatch.setattr(module.storage.Blob, "_initiate_resumable_upload", cut_after_two_parts)
    with (
        pytest.raises(ValueError, match=r"kept answering 503 \(backend error\); give"),
        making(folder, "a") as path,
    ):
        path.write_bytes(bytes(9 * 2**20))
    gcs.heal()
    assert len(sent) == 3
    assert (folder.stat("a"), folder.list_names(), gcs.num_writes(bucket)) == (None, [], before)


def test_two_jobs_do_not_overwrite_each_other(gcs, bucket, folder, monkeypatch):
    find = module.BucketFolder._find

    def find_and_be_overtaken(self, name):
        found = find(self, name)
        monkeypatch.setattr(module.BucketFolder, "_find", find)
        gcs.put(bucket, "records/urmp/a", b"theirs")
        return found

    monkeypatch.setattr(module.BucketFolder, "_find", find_and_be_overtaken)
    with (
        pytest.raises(ValueError, match="a was written by another job at the same time"),
        making(folder, "a") as path,
    ):
        path.write_bytes(b"ours")
    assert gcs.get(bucket, "records/urmp/a") == b"theirs"


DENIED = r"no permission to {} in gs://bucket-\w+ \(.*does not have access.*\); give .* roles/storage.objectUser on that"


FAULTS = [
    (
        401,
        [],
        r"gs://bucket-\w+ does not take the credentials \(.*\); run 'gcloud auth application-default login'",
    ),
    (403, [], DENIED.format("list")),
    (403, ["list"], DENIED.format("list")),
    (403, ["read", "stat"], DENIED.format("read")),
    (403, ["write"], DENIED.format("write")),
    (403, ["delete"], DENIED.format("delete")),
    (400, [], r"gs://bucket-\w+ refuses to list \(400, .*\); mend the address"),
    (429, [], r"kept answering 429 \(.*rate limit.*\); give the same command again later"),
    (503, [], r"kept answering 503 \(backend error\); give the same command again later"),
    ("cut", [], r"Cloud Storage cannot be reached \(.*closed connection.*\); check the network"),
]


@pytest.mark.parametrize(("outcome", "operations", "sentence"), FAULTS)
def test_faults_are_one_sentence_within_seconds(gcs, bucket, folder, outcome, operations, sentence):
    gcs.inject(outcome, bucket, operations)
    began = time.monotonic()
    with pytest.raises(ValueError, match=sentence) as caught:
        folder.check()
    assert time.monotonic() - began < 10
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400
    assert documented(str(caught.value))


@pytest.mark.parametrize("outcome", [503, 429, "cut", "lost", "slow"])
def test_what_passes_is_tried_again(gcs, bucket, folder, outcome, capsys):
    gcs.inject(outcome, bucket, times=1)
    folder.check()
    assert ("trying again" in capsys.readouterr().out) == (outcome != "slow")
    assert gcs.sizes(bucket) == {"records/urmp/": 0}


def test_a_check_does_without_the_permission_to_see_the_bucket(gcs, bucket, folder):
    gcs.inject(403, bucket, ["bucket"])
    folder.check()


@pytest.mark.parametrize(
    ("variable", "value", "sentence"),
    [
        (
            "GOOGLE_APPLICATION_CREDENTIALS",
            None,
            "there are no credentials for gs://.* not found.*; run 'gcloud auth",
        ),
        (
            "GOOGLE_APPLICATION_CREDENTIALS",
            MISSING_KEY,
            f"no credentials for .*{MISSING_KEY} was not found.*; run",
        ),
        (
            "HTTPS_PROXY",
            "closed",
            r"Cloud Storage cannot be reached \(.*Connection refused\); check the network, and",
        ),
    ],
)
def test_credentials_and_network(gcs, folder, monkeypatch, variable, value, sentence):
    for name in {variable, variable.lower()}:
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, gcs.variables["http_proxy"] if value == "closed" else value)
    with pytest.raises(ValueError, match=sentence) as caught:
        folder.check()
    assert documented(str(caught.value))


def test_revoked_credentials(gcs, folder):
    gcs.inject(400, "", ["token"])
    with pytest.raises(
        ValueError,
        match=r"the credentials for gs://bucket-\w+ are refused \(.*invalid_grant.*\); run",
    ) as caught:
        folder.check()
    assert documented(str(caught.value))


def test_credentials_that_only_the_client_library_knows(folder, monkeypatch):
    check = module.BucketFolder.check_tensorflow

    def without_authorization(self, name):
        with monkeypatch.context() as patch:
            patch.setattr(self, "_url", self._url.replace("bucket-", "other-"))
            check(self, name)

    monkeypatch.setattr(module.BucketFolder, "check_tensorflow", without_authorization)
    with pytest.raises(
        ValueError, match=r"TensorFlow cannot read from gs://bucket-\w+ although Google's client"
    ) as caught:
        folder.check()
    assert documented(str(caught.value))


def test_a_bucket_that_is_missing(bucket):
    for act in (lambda f: f.check(), lambda f: f.write_text("a", ""), lambda f: f.list_names()):
        with pytest.raises(
            ValueError, match=f"there is no bucket gs://{bucket}x; mend the name, or create it with"
        ) as caught:
            act(open_folder(f"gs://{bucket}x/records"))
        assert documented(str(caught.value))


@pytest.mark.parametrize(
    "url", ["gs://", "gs://bucket", "gs:///records", "gs://bucket/a/../b", "gs://bucket//a"]
)
def test_addresses_that_are_no_folder(url):
    with pytest.raises(
        ValueError, match=r"is no folder in a bucket; expected gs://BUCKET/FOLDER\."
    ) as caught:
        open_folder(url)
    assert documented(str(caught.value))


@pytest.mark.parametrize(
    "url", ["gs:/bucket/a", "gcs://bucket/a", "GS://bucket/a", "s3://bucket/a", "file:///a"]
)
def test_typos_in_the_scheme(url):
    with pytest.raises(
        ValueError,
        match=r"begins with \w+:/+; expected the path of a folder, or gs://BUCKET/FOLDER\.",
    ) as caught:
        open_folder(url)
    assert documented(str(caught.value))


@pytest.mark.parametrize("url", ["C:/stems", "c:\\stems", "a b:/c", "stems"])
def test_a_drive_of_windows_is_no_scheme(url):
    assert open_folder(url).url == url


@pytest.mark.parametrize("name", ["../a", "/a", "a/b", "..", ".", "", "a\0", "a\n"])
def test_names_stay_in_their_folder(folder, name, tmp_path):
    for each in (folder, open_folder(str(tmp_path))):
        for act in (each.stat, each.read_text, each.delete, lambda n, f=each: f.write_text(n, "")):
            with pytest.raises(ValueError, match="is no name of a file in a folder"):
                act(name)
    assert list(tmp_path.rglob("*")) == []
