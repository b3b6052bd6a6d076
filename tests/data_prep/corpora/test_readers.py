import json
import re
import shutil
from collections import Counter
from importlib.resources import files
from pathlib import Path

import av
import musdb as musdb_package
import numpy as np
import pytest
import soundfile
import soxr

from configs import instruments
from configs.splits import load_splits
from data_prep.audio.annotations import Note
from data_prep.audio.conversion import Converter
from data_prep.audio.loading import load_track
from data_prep.audio.tracks import BLOCK_FRAMES, AudioFormat, TrackFiles, with_accompaniment
from data_prep.audio.waveforms import fit_frames, read_sound
from data_prep.corpora import list_tracks
from data_prep.synthetic import write_musdb, write_urmp

REAL_STEM = Path(str(files("stempeg") / "data" / "The Easton Ellises - Falcon 69.stem.mp4"))
_PIECES = """
    01_Jupiter_vn_vc 02_Sonata_vn_vn 03_Dance_fl_cl 04_Allegro_fl_fl 05_Entertainer_tpt_tpt 06_Entertainer_sax_sax
    07_GString_tpt_tbn 08_Spring_fl_vn 09_Jesus_tpt_vn 10_March_tpt_sax 11_Maria_ob_vc 12_Spring_vn_vn_vc
    13_Hark_vn_vn_va 14_Waltz_fl_fl_cl 15_Surprise_tpt_tpt_tbn 16_Surprise_tpt_tpt_sax 17_Nocturne_vn_fl_cl
    18_Nocturne_vn_fl_tpt 19_Pavane_cl_vn_vc 20_Pavane_tpt_vn_vc 21_Rejouissance_cl_tbn_tba
    22_Rejouissance_sax_tbn_tba 23_Rejouissance_cl_sax_tba 24_Pirates_vn_vn_va_vc 25_Pirates_vn_vn_va_sax
    26_King_vn_vn_va_vc 27_King_vn_vn_va_sax 28_Fugue_fl_ob_cl_bn 29_Fugue_fl_fl_ob_cl 30_Fugue_fl_fl_ob_sax
    31_Slavonic_tpt_tpt_hn_tbn 32_Fugue_vn_vn_va_vc 33_Elise_tpt_tpt_hn_tbn 34_Fugue_tpt_tpt_hn_tbn
    35_Rondeau_vn_vn_va_db 36_Rondeau_vn_vn_va_vc 37_Rondeau_fl_vn_va_cl 38_Jerusalem_vn_vn_va_vc_db
    39_Jerusalem_vn_vn_va_sax_db 40_Miserere_fl_fl_ob_cl_bn 41_Miserere_fl_fl_ob_sax_bn 42_Arioso_tpt_tpt_hn_tbn_tba
    43_Chorale_tpt_tpt_hn_tbn_tba 44_K515_vn_vn_va_va_vc
"""
_TUNES = "24/25 17/18 19/20 26/27 05/06 15/16 21/22/23 28/29/30/32/34 35/36/37 38/39 40/41 08/12"
URMP_PIECES, SHARED_TUNES = _PIECES.split(), [tune.split("/") for tune in _TUNES.split()]


@pytest.fixture(scope="module")
def urmp_corpus(tmp_path_factory) -> Path:
    """Four pieces; the third repeats the violin, the fourth the oboe."""
    root = tmp_path_factory.mktemp("urmp") / "corpus"
    write_urmp(root, num_pieces=4, secs=1)
    return root


@pytest.fixture(scope="module")
def hq_corpus(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("hq") / "corpus"
    write_musdb(root, num_pieces=4, secs=1)
    return root


@pytest.fixture
def pieces(urmp_corpus, tmp_path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(urmp_corpus, tmp_path / "urmp"))


@pytest.fixture
def songs(hq_corpus, tmp_path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(hq_corpus, tmp_path / "hq"))


@pytest.fixture
def stems(tmp_path) -> Path:
    """The one real track of MUSDB18 that everybody may have."""
    (tmp_path / "stems" / "train").mkdir(parents=True)
    shutil.copy(REAL_STEM, tmp_path / "stems" / "train")
    return tmp_path / "stems"


def snapshot(root: Path) -> dict[str, tuple[int, int]]:
    return {
        str(path): (path.stat().st_mtime_ns, path.stat().st_size)
        for path in sorted(root.rglob("*"))
    }


def only(paths) -> Path:
    (path,) = paths
    return path


def listed_tracks(corpus: str, root: Path, splits: str) -> list[TrackFiles]:
    return list(list_tracks(corpus, root, splits).tracks)


def complaint(call, *args) -> str:
    """The message of the ``ValueError`` that a call must end in: one line, a full sentence."""
    with pytest.raises(ValueError) as caught:
        call(*args)
    message = str(caught.value)
    assert "\n" not in message
    assert message.endswith(".")
    return message


# --- wav files
# ------------------------------------------------------------------------------


@pytest.mark.parametrize("subtype", ["PCM_16", "PCM_24", "FLOAT"])
def test_wav_samples_are_exact(tmp_path, subtype):
    written = (
        np.random.default_rng(0).integers(-(2**15), 2**15, (500, 2)).astype(np.float32) / 2**15
    )
    soundfile.write(tmp_path / "a.wav", written, 8000, subtype=subtype)
    waveform, sample_rate = read_sound(tmp_path / "a.wav")
    assert (waveform.dtype, sample_rate) == (np.float32, 8000)
    assert np.array_equal(waveform, written)


def test_spoilt_wavs_name_their_path(tmp_path):
    soundfile.write(tmp_path / "good.wav", np.full((1000, 1), 0.1), 8000, subtype="PCM_24")
    good = (tmp_path / "good.wav").read_bytes()
    spoilt = {
        "is empty": b"",
        "is cut short: it ends at 0.06 s, before it says it does; copy it again": good[:1500],
        "holds no audio frames": good[:44],
        "is no sound file that can be decoded": good[:20],
        "is no sound file that can be decoded (": b"this is a diary, not music " * 50,
        "is no sound file that can be decoded (Inv": good[:12] + bytes(len(good) - 12),
    }
    path = tmp_path / "bad.wav"
    for words, content in spoilt.items():
        path.write_bytes(content)
        assert f"{path} {words}" in complaint(read_sound, path)
    soundfile.write(path, np.zeros((0, 1)), 8000)
    assert f"{path} holds no audio frames" in complaint(read_sound, path)
    with pytest.raises(OSError, match=re.escape(str(tmp_path / "none.wav"))):
        read_sound(tmp_path / "none.wav")


def test_a_wav_of_unknown_length_is_read(tmp_path):
    """Programs that write to a pipe cannot go back to fill in the sizes."""
    soundfile.write(tmp_path / "a.wav", np.full((1000, 1), 0.1), 8000, subtype="PCM_16")
    content = bytearray((tmp_path / "a.wav").read_bytes())
    content[4:8] = b"\xff" * 4
    (tmp_path / "a.wav").write_bytes(content)
    assert read_sound(tmp_path / "a.wav")[0].shape == (1000, 1)


def test_fit_frames_pads_and_trims_the_end():
    waveform = np.arange(1, 7, dtype=np.float32).reshape(3, 2)
    assert fit_frames(waveform, 2).tolist() == [[1, 2], [3, 4]]
    assert fit_frames(waveform, 3).tolist() == waveform.tolist()
    assert fit_frames(waveform, 4).tolist() == [[1, 2], [3, 4], [5, 6], [0, 0]]
    assert fit_frames(waveform, 4).dtype == np.float32


def convert(waveform, sample_rate, audio_format):
    source = AudioFormat(sample_rate, waveform.shape[1])
    converter = Converter(source, len(waveform), audio_format)
    for start in range(0, len(waveform), BLOCK_FRAMES):
        converter.add(waveform[start : start + BLOCK_FRAMES])
    return converter.result()


def test_converting_averages_repeats_and_resamples_whole():
    stereo = np.random.default_rng(0).uniform(-1, 1, (4800, 2)).astype(np.float32)
    np.testing.assert_allclose(
        convert(stereo, 8000, AudioFormat(8000, 1)), stereo.mean(axis=1, keepdims=True), atol=1e-7
    )
    assert np.array_equal(
        convert(stereo[:, :1], 8000, AudioFormat(8000, 2)), np.repeat(stereo[:, :1], 2, axis=1)
    )
    expected = soxr.resample(stereo.mean(axis=1), 48000, 8000, quality="HQ")
    np.testing.assert_allclose(
        convert(stereo, 48000, AudioFormat(8000, 1))[:, 0], expected, atol=1e-6
    )
    with pytest.raises(ValueError, match=r"it has 3 channels; expected 1 or 2\."):
        convert(np.zeros((10, 3), np.float32), 8000, AudioFormat(8000, 2))


@pytest.mark.parametrize("frames", [1, 2**16, 2**16 + 1, 200_001])
@pytest.mark.parametrize(("channels", "rate"), [(1, 22050), (2, 22050), (2, 96000)])
def test_resampling_in_blocks_is_resampling_the_whole(frames, channels, rate):
    waveform = np.random.default_rng(frames).standard_normal((frames, channels)).astype(np.float32)
    whole = soxr.resample(waveform, 48000, rate, quality="HQ")
    assert np.array_equal(convert(waveform, 48000, AudioFormat(rate, channels)), whole)


# --- URMP
# ------------------------------------------------------------------------------


def test_urmp_lists_pieces_in_order_without_decoding(pieces):
    (pieces / "01_Dawn_cl_tbn_vc" / "AuSep_1_cl_01_Dawn.wav").write_bytes(b"no sound")
    (pieces / "Supplementary_Files").mkdir()
    (pieces / ".git").mkdir()
    before = snapshot(pieces)
    listed = listed_tracks("urmp", pieces, "synthetic")
    assert [track.name for track in listed] == sorted(
        path.name for path in pieces.iterdir() if path.name[0] == "0"
    )
    assert len(listed) == 4
    assert {track.split for track in listed} == {"train"}
    assert [path.name for path in listed[0].paths] == [
        "AuMix_01_Dawn_cl_tbn_vc.wav",
        "AuSep_1_cl_01_Dawn.wav",
        "AuSep_2_tbn_01_Dawn.wav",
        "AuSep_3_vc_01_Dawn.wav",
    ]
    assert snapshot(pieces) == before


def test_urmp_parts_are_read_in_the_order_of_their_numbers(pieces):
    piece = pieces / "01_Dawn_cl_tbn_vc"
    (piece / "AuSep_1_cl_01_Dawn.wav").rename(piece / "AuSep_10_cl_01_Dawn.wav")
    numbers = [
        path.name.split("_")[1] for path in listed_tracks("urmp", pieces, "synthetic")[0].paths[1:]
    ]
    assert numbers == ["2", "3", "10"]


def test_urmp_splits_and_exclusions(pieces, tmp_path):
    split_file = tmp_path / "mine.json"
    split_file.write_text(
        '{"rule": "mine", "train": ["01_*"], "test": ["03_*"], "excluded": ["02_*", "04_*"]}'
    )
    listed = listed_tracks("urmp", pieces, str(split_file))
    assert [(track.name[:2], track.split) for track in listed] == [("01", "train"), ("03", "test")]
    split_file.write_text('{"rule": "none", "excluded": ["*"]}')
    assert f"exclude every track of {pieces}" in complaint(
        list_tracks, "urmp", pieces, str(split_file)
    )
    split_file.write_text('{"rule": "forgetful", "train": ["01_*"]}')
    assert "'02_Harbour_fl_sax_tpt' stands in no list" in complaint(
        list_tracks, "urmp", pieces, str(split_file)
    )
    assert "grouped" in complaint(list_tracks, "urmp", pieces, "official")
    message = complaint(list_tracks, "urmp", pieces, "grouped")
    assert message.startswith(
        f"the splits 'grouped' name no track of {pieces}, such as '01_Dawn_cl_tbn_vc'; there are"
    )
    assert "bach10, mt3, synthetic, vimss, or --splits=MINE.json" in message


def test_urmp_sums_the_parts_of_an_instrument(urmp_corpus):
    listed = {track.name: track for track in listed_tracks("urmp", urmp_corpus, "synthetic")}
    before = snapshot(urmp_corpus)
    track = load_track(listed["03_Lantern_bn_vn_vn"])
    assert snapshot(urmp_corpus) == before
    assert (track.name, track.sample_rate) == ("03_Lantern_bn_vn_vn", 48000)
    assert track.num_parts == {"bn": 1, "vn": 2}
    assert track.warnings == ()
    folder = urmp_corpus / track.name
    first, second = (
        soundfile.read(folder / f"AuSep_{k}_vn_03_Lantern.wav", always_2d=True)[0] for k in (2, 3)
    )
    assert np.array_equal(track.sources["vn"], first + second)
    assert np.array_equal(
        track.sources["bn"], soundfile.read(folder / "AuSep_1_bn_03_Lantern.wav", always_2d=True)[0]
    )
    for waveform in (track.mixture, *track.sources.values()):
        assert (waveform.dtype, waveform.shape) == (np.float32, (48000, 1))
    assert track.residual_db == -np.inf


def test_urmp_believes_the_files_and_not_the_folder(pieces):
    """As in 15_Surprise_tpt_tpt_tbn, whose third part is a trumpet."""
    piece = (pieces / "03_Lantern_bn_vn_vn").rename(pieces / "03_Lantern_bn_vn_va")
    track = load_track(
        only(t for t in listed_tracks("urmp", pieces, "synthetic") if t.name == piece.name)
    )
    assert track.num_parts == {"bn": 1, "vn": 2}
    assert track.warnings == (
        "The folder 03_Lantern_bn_vn_va names bn va vn, its files bn vn vn: the files were "
        "believed.",
    )


@pytest.mark.parametrize(("frames", "change"), [(40000, "padded"), (50000, "trimmed")])
def test_urmp_fits_parts_to_the_mixture(pieces, frames, change):
    path = pieces / "01_Dawn_cl_tbn_vc" / "AuSep_2_tbn_01_Dawn.wav"
    original = soundfile.read(path, always_2d=True)[0]
    soundfile.write(path, fit_frames(original, frames), 48000, subtype="PCM_24")
    track = load_track(listed_tracks("urmp", pieces, "synthetic")[0])
    assert track.sources["tbn"].shape == (48000, 1)
    assert np.array_equal(track.sources["tbn"][:40000], original[:40000])
    assert np.any(track.sources["tbn"][40000:]) == (frames > 48000)
    assert f"{path.name} has {frames} frames, the track 48000: {change}." in track.warnings


def test_urmp_reports_a_mixture_that_is_not_the_sum(pieces):
    path = pieces / "01_Dawn_cl_tbn_vc" / "AuMix_01_Dawn_cl_tbn_vc.wav"
    mixture = soundfile.read(path, always_2d=True)[0]
    for factor, expected in ((1.1, "-20.8 dB"), (1.009, None)):  # -20.8 and -41 dB
        soundfile.write(path, factor * mixture, 48000, subtype="PCM_24")
        warnings = load_track(listed_tracks("urmp", pieces, "synthetic")[0]).warnings
        assert len(warnings) == (1 if expected else 0)
        assert (
            not expected
            or f"{path.name} is not the sum of its sources: the rest is at {expected}"
            in warnings[0]
        )


def test_urmp_refuses_parts_of_another_format(pieces):
    path = pieces / "01_Dawn_cl_tbn_vc" / "AuSep_2_tbn_01_Dawn.wav"
    track = listed_tracks("urmp", pieces, "synthetic")[0]
    soundfile.write(path, np.full((44100, 1), 0.1), 44100)
    message = complaint(load_track, track)
    assert str(path) in message
    assert "44100 Hz" in message
    assert "48000 Hz" in message
    soundfile.write(path, np.full((48000, 2), 0.1), 48000)
    assert f"{path} has 48000 Hz and 2 channels, {track.mixture} 48000 Hz and 1" in complaint(
        load_track, track
    )
    path.write_bytes(b"")
    assert str(path) in complaint(load_track, track)


def test_urmp_refuses_other_layouts(pieces, tmp_path):
    def refused() -> str:
        return complaint(load_track, listed_tracks("urmp", pieces, "synthetic")[0])

    piece = pieces / "01_Dawn_cl_tbn_vc"
    part, mixture = piece / "AuSep_1_cl_01_Dawn.wav", piece / "AuMix_01_Dawn_cl_tbn_vc.wav"
    part.rename(piece / "AuSep_1_kazoo_01_Dawn.wav")
    message = refused()
    assert f"{piece / 'AuSep_1_kazoo_01_Dawn.wav'} names the instrument 'kazoo'" in message
    assert ", ".join(instruments.URMP) in message
    (piece / "AuSep_1_kazoo_01_Dawn.wav").rename(piece / "AuSep_cl.wav")
    assert (
        f"{piece / 'AuSep_cl.wav'} is not named AuSep_<number>_<instrument>_<title>.wav"
        in refused()
    )
    (piece / "AuSep_cl.wav").rename(part)
    shutil.copy(mixture, piece / "AuMix_02.wav")
    assert f"{piece} has 2 AuMix and 3 AuSep files" in refused()
    (piece / "AuMix_02.wav").unlink()
    mixture.rename(tmp_path / "away.wav")
    assert f"{piece} has 0 AuMix and 3 AuSep files" in refused()
    (tmp_path / "away.wav").rename(mixture)
    hidden = piece.rename(pieces / ".01_Dawn_cl_tbn_vc")
    assert f"{hidden} is hidden but holds AuSep files" in complaint(
        list_tracks, "urmp", pieces, "synthetic"
    )
    hidden.rename(piece)
    for path in piece.glob("AuSep*"):
        path.unlink()
    assert f"{piece} has 1 AuMix and 0 AuSep files" in refused()


def test_urmp_refuses_roots_without_pieces(pieces, tmp_path):
    (tmp_path / "empty").mkdir()
    assert f"{tmp_path / 'none'} is not a folder" in complaint(
        list_tracks, "urmp", tmp_path / "none", "synthetic"
    )
    for root in (tmp_path / "empty", tmp_path, pieces / "01_Dawn_cl_tbn_vc"):
        message = complaint(list_tracks, "urmp", root, "synthetic")
        assert f"{root} has no URMP pieces; expected folders such as 01_Jupiter_vn_vc" in message


# --- the grouped splits of URMP
# ------------------------------------------------------------------------------


def test_grouped_splits_keep_tunes_together_and_cover_the_instruments():
    splits = load_splits("grouped")
    assert sorted(name for names in splits.patterns.values() for name in names) == URMP_PIECES
    split_of = {name: splits.split_of(name) for name in URMP_PIECES}
    assert Counter(split_of.values()) == {"train": 28, "valid": 7, "test": 9}
    by_number = {name[:2]: split for name, split in split_of.items()}
    for tune in SHARED_TUNES:
        assert len({by_number[number] for number in tune}) == 1, tune

    def played(name: str) -> set[str]:
        return (
            {"tpt"} if name.startswith("15_") else set(name.split("_")[2:])
        )  # 15_Surprise: as its files say

    covered = {
        split: set().union(*(played(n) for n in split_of if split_of[n] == split))
        for split in splits.patterns
    }
    assert covered["train"] == covered["test"] == set(instruments.URMP)
    assert set(instruments.URMP) - covered["valid"] == {"bn", "db"}
    assert {split_of[name] for name in URMP_PIECES if len(played(name)) == 1} == {"train"}
    for rare in ("bn", "db"):  # two tunes each, so that a third split cannot have one
        assert len({name.split("_")[1] for name in URMP_PIECES if rare in played(name)}) == 2
    assert all(
        words in splits.rule
        for words in ("one tune", "bassoon and double bass", "02, 04, 05 with 06")
    )


# --- MUSDB18
# ------------------------------------------------------------------------------


def test_hq_lists_and_loads(songs):
    (songs / "train" / "Artist 00 - Dawn" / "drums.wav").write_bytes(b"no sound")
    before = snapshot(songs)
    listed = listed_tracks("musdb", songs, "official")
    assert [(track.name, track.split) for track in listed] == [
        ("Artist 00 - Dawn", "train"),
        ("Artist 01 - Harbour", "train"),
        ("Artist 02 - Lantern", "train"),
        ("Artist 03 - Meadow", "test"),
    ]
    folder = songs / "test" / "Artist 03 - Meadow"
    assert listed[3].paths == tuple(
        folder / f"{name}.wav" for name in ("mixture", *instruments.MUSDB)
    )
    track = load_track(listed[3])
    assert (track.name, track.sample_rate, track.warnings) == (folder.name, 44100, ())
    assert track.num_parts == dict.fromkeys(instruments.MUSDB, 1)
    assert tuple(track.sources) == instruments.MUSDB
    for name, waveform in {"mixture": track.mixture, **track.sources}.items():
        assert (waveform.dtype, waveform.shape) == (np.float32, (44100, 2))
        assert np.array_equal(waveform, soundfile.read(folder / f"{name}.wav")[0])
    assert track.residual_db == -np.inf
    assert snapshot(songs) == before


def test_what_a_vocabulary_does_not_name_is_its_accompaniment(songs):
    track = load_track(listed_tracks("musdb", songs, "official")[0])
    two = with_accompaniment(track, ("vocals", "accompaniment"))
    assert list(two.sources) == ["vocals", "accompaniment"]
    np.testing.assert_allclose(
        two.sources["accompaniment"], track.mixture - track.sources["vocals"], atol=1e-6
    )
    assert two.num_parts == {"vocals": 1, "accompaniment": 3}
    assert with_accompaniment(track, instruments.MUSDB) is track
    assert with_accompaniment(track, ("vocals",)) is track  # which the records then refuse


def test_official_splits_follow_the_validation_list_of_musdb(songs):
    (songs / "train" / "Artist 01 - Harbour").rename(songs / "train" / "Meaxic - Take A Step")
    (songs / "test" / "Artist 03 - Meadow").rename(
        songs / "test" / "Actions - One Minute Smile"
    )  # from the list, too
    splits = {track.name: track.split for track in listed_tracks("musdb", songs, "official")}
    assert splits == {
        "Actions - One Minute Smile": "test",
        "Artist 00 - Dawn": "train",
        "Artist 02 - Lantern": "train",
        "Meaxic - Take A Step": "valid",
    }
    assert list(splits) == sorted(splits)


def test_musdb_splits_and_exclusions(songs, tmp_path):
    split_file = tmp_path / "mine.json"
    split_file.write_text(
        '{"rule": "mine", "valid": ["*Dawn"], "train": ["*Meadow"], "excluded": ["*r*Lan*", "*H*"]}'
    )
    listed = listed_tracks("musdb", songs, str(split_file))
    assert [(track.name, track.split) for track in listed] == [
        ("Artist 00 - Dawn", "valid"),
        ("Artist 03 - Meadow", "train"),
    ]
    split_file.write_text('{"rule": "none", "excluded": ["*"]}')
    assert f"exclude every track of {songs}" in complaint(
        list_tracks, "musdb", songs, str(split_file)
    )


def test_hq_fits_sources_to_the_mixture_and_says_so(songs):
    folder = songs / "train" / "Artist 00 - Dawn"
    original = soundfile.read(folder / "bass.wav")[0]
    soundfile.write(folder / "bass.wav", original[:-1], 44100, subtype="PCM_16")
    track = load_track(listed_tracks("musdb", songs, "official")[0])
    assert np.array_equal(track.sources["bass"], np.pad(original[:-1], ((0, 1), (0, 0))))
    assert track.warnings == ("bass.wav has 44099 frames, the track 44100: padded.",)


def test_hq_refuses_spoilt_tracks(songs):
    folder = songs / "train" / "Artist 01 - Harbour"
    files_ = listed_tracks("musdb", songs, "official")[1]
    soundfile.write(folder / "bass.wav", np.full((44100, 1), 0.1), 44100)
    assert (
        f"{folder / 'bass.wav'} has 44100 Hz and 1 channels, {files_.mixture} 44100 Hz and 2"
        in complaint(load_track, files_)
    )
    (folder / "bass.wav").write_bytes((folder / "drums.wav").read_bytes()[:5000])
    assert f"{folder / 'bass.wav'} is cut short" in complaint(load_track, files_)
    (folder / "bass.wav").unlink()
    (folder / "mixture.wav").write_bytes(b"")
    assert complaint(load_track, listed_tracks("musdb", songs, "official")[1]) == (
        f"{folder / 'bass.wav'} is missing; copy the track again. "
        f"{folder / 'mixture.wav'} is empty; expected a sound file, copy it again from the corpus."
    )


def test_musdb_refuses_a_name_in_both_subsets(songs):
    shutil.copytree(songs / "train" / "Artist 01 - Harbour", songs / "test" / "Artist 01 - Harbour")
    message = complaint(list_tracks, "musdb", songs, "official")
    assert f"{songs} has the track 'Artist 01 - Harbour' more than once" in message


def test_musdb_refuses_roots_without_tracks(songs, stems, tmp_path):
    (tmp_path / "empty").mkdir()
    for root, found in (
        (tmp_path / "none", "found no such folder"),
        (tmp_path / "empty", "found nothing"),
        (songs / "train", "found Artist 00 - Dawn, Artist 01 - Harbour, Artist 02 - Lantern"),
    ):
        message = complaint(list_tracks, "musdb", root, "official")
        assert f"{root} has no MUSDB18 tracks; expected the folders train and test" in message
        assert found in message
    shutil.copytree(stems, songs, dirs_exist_ok=True)
    message = complaint(list_tracks, "musdb", songs, "official")
    assert (
        f"{songs} mixes MUSDB18 (The Easton Ellises - Falcon 69.stem.mp4) and MUSDB18-HQ" in message
    )


def test_a_real_stem_file_gives_the_samples_of_musdb(stems):
    listed = only(listed_tracks("musdb", stems, "official"))
    assert (listed.name, listed.split) == ("The Easton Ellises - Falcon 69", "train")
    assert listed.paths == (stems / "train" / REAL_STEM.name,)
    track = load_track(listed)
    assert (track.sample_rate, track.warnings) == (44100, ())
    assert tuple(track.sources) == instruments.MUSDB
    theirs = musdb_package.DB(root=str(stems))[0]
    references = {"mixture": theirs.audio} | {
        name: theirs.sources[name].audio for name in instruments.MUSDB
    }
    for name, waveform in {"mixture": track.mixture, **track.sources}.items():
        reference = references[name]
        assert waveform.dtype == np.float32
        assert waveform.shape == reference.shape == (268288, 2)
        # Two versions of ffmpeg's decoder differ by 1e-7 before rounding to 16 bit, so by one step
        # in a few places.
        assert np.abs(waveform - reference).max() <= 1 / 32768
        assert np.mean(waveform != reference) < 1e-3
    assert -40 < track.residual_db < -10  # a lossy codec, and each stem coded by itself


def write_stems(path: Path, frames: list[int], channels: int = 2, codec: str = "aac") -> None:
    """A stem file of noise with streams of the given lengths."""
    rng = np.random.default_rng(0)
    layout, sample_format = (
        ("stereo" if channels == 2 else "mono"),
        ("fltp" if codec == "aac" else "s16p"),
    )
    with av.open(path, "w", format="mp4") as container:
        streams = [
            container.add_stream(codec, rate=44100, layout=layout, format=sample_format)
            for _ in frames
        ]
        for stream, length in zip(streams, frames, strict=True):
            noise = rng.uniform(-0.1, 0.1, (channels, length)).astype(np.float32)
            noise = noise if codec == "aac" else np.round(noise * 32767).astype(np.int16)
            for start in range(0, length, 1024):
                block = np.ascontiguousarray(noise[:, start : start + 1024])
                frame = av.AudioFrame.from_ndarray(block, format=sample_format, layout=layout)
                frame.sample_rate, frame.pts = 44100, start
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))


@pytest.mark.parametrize(
    ("missing", "warnings"),
    [
        (1024, ()),
        (4096, ("bass of a - b.stem.mp4 has 16384 frames, the track 20480: padded.",)),
        (-4096, ("bass of a - b.stem.mp4 has 24576 frames, the track 20480: trimmed.",)),
    ],
)
def test_stems_are_fitted_to_the_mixture(tmp_path, missing, warnings):
    (tmp_path / "test").mkdir()
    write_stems(tmp_path / "test" / "a - b.stem.mp4", [20480, 20480, 20480 - missing, 20480, 20480])
    listed = only(listed_tracks("musdb", tmp_path, "official"))
    assert listed.split == "test"
    track = load_track(listed)
    assert track.warnings[:-1] == warnings
    assert "is not the sum of its sources" in track.warnings[-1]  # noise is not
    assert (
        {source.shape for source in track.sources.values()} == {track.mixture.shape} == {(20480, 2)}
    )


def test_stems_of_another_kind_are_refused(tmp_path):
    def refused(**stems_of) -> str:
        path = tmp_path / "a.stem.mp4"
        write_stems(path, **stems_of)
        message = complaint(load_track, TrackFiles("a", "train", path))
        assert str(path) in message
        return message

    assert "has the audio streams aac fltp, aac fltp; expected 5 of AAC: mixture, drums" in refused(
        frames=[4096] * 2
    )
    assert "has the audio streams alac s16p, alac" in refused(frames=[4096] * 5, codec="alac")


def test_a_stem_of_a_codec_that_nobody_knows_is_refused(tmp_path):
    path = tmp_path / "a.stem.mp4"
    write_stems(path, [4096] * 5)
    before, of_last = path.read_bytes().rsplit(b"mp4a", 1)
    path.write_bytes(before + b"zzzz" + of_last.replace(b"esds", b"zzzz"))
    message = complaint(load_track, TrackFiles("a", "train", path))
    assert (
        f"{path} has the audio streams aac fltp, aac fltp, aac fltp, aac fltp, unknown;" in message
    )


def test_spoilt_stem_files_name_their_path(stems):
    listed = only(listed_tracks("musdb", stems, "official"))
    path, whole = listed.paths[0], REAL_STEM.read_bytes()
    with av.open(str(REAL_STEM)) as container:
        packets = sorted(
            packet.pos + packet.size for packet in container.demux(audio=0) if packet.size
        )
    for spoilt in (
        b"",
        b"a diary" * 1000,
        whole[:20000],
        whole[:500_000],
        whole[: packets[len(packets) // 2]],
    ):
        path.write_bytes(spoilt)
        assert str(path) in complaint(load_track, listed)


# --- notes
# ------------------------------------------------------------------------------


def write_notes(pieces, text):
    """Gives the first part of the first piece notes, the others none; returns part and file."""
    part = min(pieces.glob("*/AuSep_1_*.wav"))
    for path in part.parent.glob("Notes_*"):
        path.unlink()
    path = part.with_name(part.name.replace("AuSep", "Notes")).with_suffix(".txt")
    path.write_text(text)
    return part.name.split("_")[2], path


def test_notes_of_urmp_are_read(pieces):
    text = "0.100\t\t440.000\t\t0.250\n\n0.5 880 0\n"
    instrument, path = write_notes(pieces, text)
    files = load_track_files(pieces)
    assert [notes[:2] for notes in files.notes] == [(instrument, path)]
    track = load_track(files, AudioFormat(8000, 1))
    assert track.said.playing == tuple(track.sources)
    assert track.said.notes == (
        Note(800, 2800, 6900, instrument),
        Note(4000, 4001, 8100, instrument),
    )
    # They are used, so that nobody says they are not.
    unused = list_tracks("urmp", pieces, str(splits_of(pieces))).unused
    assert not any("Notes" in sentence for sentence in unused)
    others = [name for name in track.sources if name != instrument]
    joined = with_accompaniment(track, (*others, "accompaniment"))
    assert {note.instrument for note in joined.said.notes} == {"accompaniment"}
    assert joined.said.playing == ("accompaniment", *others)


@pytest.mark.parametrize("line", ["0.1 440", "a b c", "0.1 0 1", "-1 440 1", "0 440 nan", "\xff"])
def test_a_line_that_is_no_note_is_one_sentence(pieces, line):
    _, path = write_notes(pieces, f"0 440 1\n{line}\n")
    with pytest.raises(ValueError, match=f"line 2 of {re.escape(str(path))} is .*; expected the"):
        load_track(load_track_files(pieces))


def splits_of(pieces):
    path = pieces.parent / "all.json"
    path.write_text(json.dumps({"rule": "All train.", "train": ["*"]}))
    return path


def load_track_files(pieces):
    name = min(path.name for path in pieces.iterdir() if path.is_dir())
    tracks = list_tracks("urmp", pieces, str(splits_of(pieces))).tracks
    (files,) = [track for track in tracks if track.name == name]
    return files
