"""Vectors of another modality, from an npz file into records."""

import json
import re
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

import configs
from data_prep import write
from data_prep.records.manifest import load_manifest
from data_prep.writing.examination import Options

RATE = 8000


@pytest.fixture
def corpus(tmp_path):
    """Tracks of two sources, and what --context names."""
    rng = np.random.default_rng(0)
    for track, sources in {"a": "vn vc", "b": "vn fl", "c": "vn vc"}.items():
        (tmp_path / "corpus" / track).mkdir(parents=True)
        for name in sources.split():
            path = tmp_path / "corpus" / track / f"{name}.wav"
            soundfile.write(path, rng.uniform(-0.1, 0.1, RATE), RATE)
    splits = {"rule": "x", "train": ["a", "b"], "excluded": ["c"], "vocabulary": ["vn", "vc", "fl"]}
    (tmp_path / "splits.json").write_text(json.dumps(splits))
    return tmp_path / "corpus"


def written(corpus: Path, vectors=None, accompaniment=False):
    options = Options()
    if vectors is not None:
        options = Options(context=corpus.parent / "context.npz")
        np.savez(options.context, **vectors)
    overrides = [f"data.splits={corpus.parent / 'splits.json'}", f"audio.sample_rate={RATE}"]
    config = configs.load("smoke", overrides)
    if accompaniment:
        splits = json.loads((corpus.parent / "splits.json").read_text())
        splits["vocabulary"] = ["vn", "accompaniment"]
        (corpus.parent / "splits.json").write_text(json.dumps(splits))
    return write.write(config, "folder", corpus, corpus.parent / "out", options)


def test_vectors_lie_in_the_records(corpus):
    vectors = {"a/vn": [1, 2], "a/vc": np.float64([0.5, -3]), "c/vn": [7, 7]}
    manifest = written(corpus, vectors)
    assert manifest.context_size == load_manifest(str(corpus.parent / "out")).context_size == 2
    records = {
        record.track: record.context.tolist()
        for record in manifest.iter_records(str(corpus.parent / "out"), "train")
    }
    # Of b there is none: zeros, of the same size.
    assert records == {"a": [[1, 2], [0.5, -3], [0, 0]], "b": [[0, 0]] * 3}
    assert written(corpus, vectors) == manifest
    with pytest.raises(ValueError, match="a/context has other bytes"):
        written(corpus, {**vectors, "a/vn": [1, 3]})
    with pytest.raises(ValueError, match="a/context is gone"):
        written(corpus)
    with pytest.raises(
        ValueError,
        match=re.escape("the train tracks in out have no notes; write them from a corpus that has"),
    ):
        manifest.require_notes("out", ["train"])
    manifest.require_notes("out", ["valid"])


def test_vectors_of_the_accompaniment(corpus):
    manifest = written(corpus, {"a/accompaniment": [1]}, accompaniment=True)
    (record, _) = manifest.iter_records(str(corpus.parent / "out"), "train")
    assert record.context.tolist() == [[0], [1]]


@pytest.mark.parametrize(
    ("vectors", "sentence"),
    [
        (
            {"a/vn": [1], "d/vn": [1], "a/fl": [1], "vn": [1]},
            "has vectors of a/fl, d/vn, /vn, which name no track of",
        ),
        ({"a/piano": [1]}, "expected TRACK/INSTRUMENT, such as a/vn."),
        ({"a/vn": [1], "a/vc": [1, 2]}, "has arrays of the shapes (1,), (2,); expected vectors"),
        ({"a/vn": [[1]]}, "has arrays of the shapes (1, 1); expected vectors"),
        ({"a/vn": []}, "has arrays of the shapes (0,); expected vectors"),
        ({}, "has arrays of the shapes (none at all)"),
        ({"a/vn": [np.nan]}, "has a vector of a/vn with what is no finite number"),
        ({"a/vn": ["x"]}, "cannot be read as an npz file of vectors"),
        ({"a/vn": [None]}, "cannot be read as an npz file of vectors"),
    ],
)
def test_what_is_no_context_is_one_sentence(corpus, vectors, sentence):
    with pytest.raises(ValueError, match=re.escape(sentence)) as caught:
        written(corpus, vectors)
    assert str(corpus.parent / "context.npz") in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"a diary", None])
def test_a_file_of_another_kind_is_one_sentence(corpus, content):
    path = corpus.parent / "context.npz"
    if content is not None:
        path.write_bytes(content)
    config = configs.load("smoke", [f"data.splits={corpus.parent / 'splits.json'}"])
    with pytest.raises(ValueError, match="cannot be read as an npz file of vectors"):
        write.check(config, "folder", corpus, Options(context=path))


def test_the_file_may_lie_beside_the_tracks(corpus, capsys):
    np.savez(corpus / "context.npz", **{"a/vn": [1]})
    config = configs.load("smoke", [f"data.splits={corpus.parent / 'splits.json'}"])
    write.check(config, "folder", corpus, Options(context=corpus / "context.npz"))
    assert ".npz" not in capsys.readouterr().out


@pytest.mark.slow
def test_the_recipe_of_the_page_makes_vectors_of_pictures(corpus, monkeypatch):
    page = (Path(__file__).parents[3] / "docs" / "data.md").read_text(encoding="utf-8")
    recipes = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    (recipe,) = [recipe for recipe in recipes if "keras" in recipe]
    monkeypatch.chdir(corpus.parent)
    # The left half of the video is dark, the right one bright.
    picture = np.zeros((720, 1280, 3), np.uint8)
    picture[:, 640:] = 255
    with av.open("jupiter.mp4", "w") as video:
        stream = video.add_stream("mpeg4", rate=2, width=1280, height=720, pix_fmt="yuv420p")
        for _ in range(24):
            video.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        video.mux(stream.encode(None))
    # No weights are downloaded here, and the mean of a picture stands for what a network sees.
    call = 'keras.applications.ResNet50(include_top=False, pooling="avg", weights="imagenet")'
    assert call in recipe
    recipe = recipe.replace(call, "keras.Sequential([keras.layers.GlobalAveragePooling2D()])")
    exec(recipe.replace("01_Jupiter_vn_vc", "a"), {})
    with np.load("context.npz") as file:
        vectors = dict(file)
    assert list(vectors) == ["a/vn", "a/vc"]
    # ResNet's pictures are less a mean colour.
    np.testing.assert_allclose(vectors["a/vc"] - vectors["a/vn"], 255, atol=10)
    assert written(corpus, vectors).context_size == 3
