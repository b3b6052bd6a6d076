"""Music of games: of two of them every fourth track is kept back."""

import av
import numpy as np

from benchmarks.corpora.game_music import PACKAGES, artist_of


def test_tracks_are_as_many_as_the_rule_leaves():
    # 18, 41 and 16 tracks, of the first two without every fourth one
    assert {game: len(package.files) for game, package in PACKAGES.items()} == {
        "nexuiz": 18 - 18 // 4,
        "wesnoth": 41 - 41 // 4,
        "singularity": 16,
    }
    for package in PACKAGES.values():
        assert len(set(package.files.values())) == len(package.files)


def test_the_artist_is_that_of_the_tag(tmp_path):
    def write(name, tags):
        with av.open(str(tmp_path / name), "w") as container:
            container.metadata.update(tags)
            stream = container.add_stream("flac", rate=8000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
            frame.sample_rate = 8000
            container.mux([*stream.encode(frame), *stream.encode(None)])
        return tmp_path / name

    assert artist_of(write("a.flac", {"ARTIST": " Somebody "})) == "Somebody"
    assert artist_of(write("b.flac", {"title": "Something"})) is None
