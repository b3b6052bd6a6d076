"""A corpus in a bucket: the same records as of a copy on a disk, and nothing of it stays here."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
import soundfile

import configs
from data_prep import write
from data_prep.audio.loading import load_track
from data_prep.storage.stand_ins import relative_path, standing_in
from data_prep.synthetic import write_layout
from data_prep.writing.examination import listed
from data_prep.writing.parts import Part

OVERRIDES = ["audio.sample_rate=8000", "data.excerpt_secs=0.7"]
CONFIG = configs.load("smoke", OVERRIDES)
SPLITS = '{"rule": "x", "train": ["A*"], "valid": ["B*"], "test": ["C*"]}'


@pytest.fixture
def pieces(tmp_path):
    """Three short tracks, their splits, and one file that is of no track."""
    rng = np.random.default_rng(3)
    for name in ("A ü", "B", "C"):
        folder = tmp_path / "corpus" / name
        folder.mkdir(parents=True)
        for source in ("vn", "vc"):
            soundfile.write(folder / f"{source}.wav", rng.uniform(-0.4, 0.4, 9000), 8000)
    (tmp_path / "corpus" / "stray.wav").write_bytes(b"what")
    (tmp_path / "corpus" / "labels.csv").write_text("track,vn\nB,1\n")
    (tmp_path / "splits.json").write_text(SPLITS)
    return tmp_path / "corpus"


@pytest.fixture
def config(pieces):
    return configs.override(CONFIG, [f"data.splits={pieces.parent / 'splits.json'}"])


@pytest.fixture
def url(pieces, gcs, bucket, tmp_path, monkeypatch):
    for path in pieces.rglob("*"):
        if path.is_file():
            gcs.put(bucket, f"corpus/{path.relative_to(pieces).as_posix()}", path.read_bytes())
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield f"gs://{bucket}/corpus"
    # Whatever happened, nothing of the corpus is left here.
    assert not list(Path(tempfile.gettempdir()).glob("source-separation-[ct]*"))


def bytes_of(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def test_records_are_those_of_a_copy_on_a_disk(config, pieces, url, tmp_path, capsys):
    write.write(config, "folder", pieces, tmp_path / "of-disk")
    capsys.readouterr()
    write.write(config, "folder", url, tmp_path / "of-bucket")
    assert bytes_of(tmp_path / "of-bucket") == bytes_of(tmp_path / "of-disk")
    printed = capsys.readouterr().out
    assert f"{url} is of no track, and these are left out: stray.wav" in printed
    assert "tmp/" not in printed
    # Finished records are compared with what the bucket says of the files.
    write.write(config, "folder", url, tmp_path / "of-disk")
    # Whoever has prepared some on a disk continues with the bucket: a file is its bytes.
    write.prepare_part(config, "folder", pieces, tmp_path / "both", part=Part(0, 1))
    capsys.readouterr()
    write.write(config, "folder", url, tmp_path / "both")
    assert capsys.readouterr().out.count(": read before") == 3


@pytest.mark.slow
def test_tables_and_notes_of_a_corpus_are_read_there_too(gcs, bucket, tmp_path):
    corpus = tmp_path / "slakh"
    write_layout(corpus, 6, 2.0, corpus="slakh")
    for path in corpus.rglob("*"):
        if path.is_file():
            gcs.put(bucket, f"slakh/{path.relative_to(corpus).as_posix()}", path.read_bytes())
    config = configs.override(CONFIG, ["data.splits=slakh"])
    for name, root in {"disk": corpus, "bucket": f"gs://{bucket}/slakh"}.items():
        manifest = write.write(config, "slakh", root, tmp_path / name)
    assert any(track.num_notes for track in manifest.tracks("train"))
    assert bytes_of(tmp_path / "bucket") == bytes_of(tmp_path / "disk")


def test_sentences_name_the_objects(config, url, gcs):
    bucket = url.split("/")[2]
    gcs.put(bucket, "corpus/B/vn.wav", b"RIFF")
    gcs.put(bucket, "corpus/C/mixture.wav", b"")
    gcs.put(bucket, "corpus/C/mixture.flac", b"")
    with listed(config, "folder", url, write.PLAIN) as (_, listing):
        _, broken, double = listing.tracks
        with pytest.raises(ValueError, match=rf"^{url}/B/vn.wav is no sound file"):
            load_track(broken)
        assert double.errors[0].startswith(f"{url}/C has 2 mixtures")
        gcs.put(bucket, "corpus/A ü/vn.wav", b"another")
        with pytest.raises(ValueError, match=rf"^{url}/A ü/vn.wav has changed since the folder"):
            load_track(listing.tracks[0])
    gcs.put(bucket, "corpus/labels.csv", b"x,y\n")
    with pytest.raises(ValueError, match=rf"^{url}/labels.csv begins with the columns x, y"):
        write.check(config, "folder", url)


def test_stand_ins_have_names_and_sizes_and_take_no_room(pieces, url):
    with standing_in(url) as stand_ins:
        for path in pieces.rglob("*.wav"):
            found = stand_ins.root / path.relative_to(pieces)
            assert found.stat().st_size == path.stat().st_size
            assert found.stat().st_blocks == 0
        assert (stand_ins.root / "labels.csv").read_bytes() == (pieces / "labels.csv").read_bytes()


@pytest.mark.parametrize("name", ["a\\b.wav", "a//b.wav", "./a"])
def test_an_object_whose_name_is_no_path_here_is_refused(gcs, bucket, name):
    gcs.put(bucket, f"corpus/{name}", b"x")
    with (
        pytest.raises(ValueError, match=r"cannot be a file of a folder here; rename that object"),
        standing_in(f"gs://{bucket}/corpus"),
    ):
        pass


@pytest.mark.parametrize("name", ["../outside.wav", "a/../b.wav", "/etc/passwd", "..", "a\0b"])
def test_no_name_leads_out_of_the_folder(name):
    # The tests' Cloud Storage has no such objects; that of others may.
    with pytest.raises(ValueError, match=r"cannot be a file of a folder here"):
        relative_path(name, "gs://bucket/corpus")


def test_an_empty_folder_of_a_bucket_is_one_sentence(bucket):
    with (
        pytest.raises(ValueError, match=r"has no objects; expected the folder of a corpus"),
        standing_in(f"gs://{bucket}/corpus"),
    ):
        pass
