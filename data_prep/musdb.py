"""MUSDB18 (a ``.stem.mp4`` per track) and MUSDB18-HQ (a folder of wav files per track), told apart by what is there.

Rafii, Liutkus, Stöter, Mimilakis, Bittner, "The MUSDB18 corpus for music separation", 2017,
https://doi.org/10.5281/zenodo.1117372. Stereo, 44.1 kHz. The package ``musdb`` says which tracks there are and
which of them validate; a stem file is decoded here, all five streams in one pass.
"""

from collections import Counter
from collections.abc import Collection
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from configs import instruments
from configs.splits import Split, load_splits
from data_prep.tracks import Track, TrackFiles, Waveform
from data_prep.waveforms import fit_frames, read_wav

_STREAMS = ("mixture", *instruments.MUSDB)  # in the order of the streams of a stem file
_STEM = ".stem.mp4"
_CODEC_FRAMES = 2048  # streams of one AAC file may end that far apart with nothing lost
_INT16_SCALE = 32768
_LAYOUT = "train and test with a .stem.mp4 per track (MUSDB18) or a folder of wav files per track (MUSDB18-HQ) in them"


def list_tracks(root: Path, splits: str) -> list[TrackFiles]:
    """The tracks under ``root`` that ``splits`` does not exclude, by name; the mixture comes first in their paths.

    ``official`` are the corpus's own splits: its folders train and test, and musdb's list of validation tracks.

    Raises:
        ValueError: there are no such splits, ``root`` holds no tracks, or they are not laid out as above.
    """
    chosen = None if splits == "official" else load_splits(splits)
    is_wav = _is_wav(root)
    database = _database(root, is_wav)
    repeated = [name for name, count in Counter(track.name for track in database.tracks).items() if count > 1]
    if repeated:
        raise ValueError(f"{root} has the track {repeated[0]!r} more than once; expected it once, remove the others.")
    validation = database.setup["validation_tracks"]
    tracks = []
    for track in sorted(database.tracks, key=lambda track: track.name):
        paths = _paths(track, is_wav)
        split = chosen.split_of(track.name) if chosen else _official_split(track, validation)
        if split is not None:
            tracks.append(TrackFiles(track.name, split, paths))
    if not tracks:
        raise ValueError(f"the splits {splits!r} exclude all {len(database)} tracks of {root}; choose other splits.")
    return tracks


def load_track(files: TrackFiles) -> Track:
    """One track, every waveform (frames, 2) and as long as the mixture.

    Raises:
        ValueError: a file cannot be decoded, or a source differs from the mixture in rate or channels.
    """
    path = files.paths[0]
    is_stem = path.name.endswith(_STEM)
    decoded = _decode_stem(path) if is_stem else dict(zip(_STREAMS, map(read_wav, files.paths), strict=True))
    mixture, sample_rate = decoded.pop("mixture")
    tolerance = _CODEC_FRAMES if is_stem else 0
    sources, warnings = {}, []
    for name, (source, source_rate) in decoded.items():
        if (source_rate, source.shape[1]) != (sample_rate, mixture.shape[1]):
            raise ValueError(
                f"{path}: {name} has {source_rate} Hz and {source.shape[1]} channels, the mixture {sample_rate} Hz "
                f"and {mixture.shape[1]}; expected the same, copy the track again from the corpus."
            )
        if abs(len(source) - len(mixture)) > tolerance:
            change = "padded" if len(source) < len(mixture) else "trimmed"
            warnings.append(f"{name} has {len(source)} frames, the mixture {len(mixture)}: {change} to the mixture.")
        sources[name] = fit_frames(source, len(mixture))
    return Track(files.name, files.split, sample_rate, mixture, sources, dict.fromkeys(sources, 1), tuple(warnings))


def _is_wav(root: Path) -> bool:
    """Whether the tracks are folders of wav files: musdb must be told, and finds nothing where it is told wrong."""
    stems = sorted(path for subset in ("train", "test") for path in root.glob(f"{subset}/*{_STEM}"))
    wavs = sorted(path for subset in ("train", "test") for path in root.glob(f"{subset}/*/mixture.wav"))
    if stems and wavs:
        raise ValueError(
            f"{root} mixes MUSDB18 ({stems[0].name}) and MUSDB18-HQ ({wavs[0].parent.name}/mixture.wav); "
            f"expected one of them, move the other to a folder of its own."
        )
    if not stems and not wavs:
        entries = sorted(path.name for path in root.iterdir())[:5] if root.is_dir() else []
        found = ", ".join(entries) if entries else ("nothing" if root.is_dir() else "no such folder")
        raise ValueError(f"{root} has no MUSDB18 tracks; expected the folders {_LAYOUT}, found {found}.")
    return bool(wavs)


def _database(root: Path, is_wav: bool) -> Any:
    """``musdb.DB``, imported here because the import fails without ffmpeg, which no other corpus needs."""
    try:
        import musdb
    except RuntimeError as error:
        raise ValueError("MUSDB18 needs the programs ffmpeg and ffprobe on the PATH; install ffmpeg.") from error
    try:
        return musdb.DB(root=str(root), is_wav=is_wav)
    except Exception as error:  # whatever ffprobe makes of a broken file; musdb does not say of which
        raise ValueError(
            f"{_unprobed(root, is_wav)} is no readable sound file; copy it again from the corpus."
        ) from error


def _unprobed(root: Path, is_wav: bool) -> Path:
    """The first file that musdb cannot probe."""
    import stempeg

    for path in sorted(root.glob("t*/*/mixture.wav" if is_wav else f"t*/*{_STEM}")):
        try:
            stempeg.Info(str(path)).samples(0)
        except Exception:  # as above
            return path
    return root


def _official_split(track: Any, validation: Collection[str]) -> Split:
    if track.subset == "test":
        return "test"
    return "valid" if track.name in validation else "train"


def _paths(track: Any, is_wav: bool) -> tuple[Path, ...]:
    """The files of a track; musdb leaves a missing source out, and takes a folder within a track for a track."""
    mixture = Path(track.path)
    paths = tuple(mixture.with_name(f"{name}.wav") for name in _STREAMS) if is_wav else (mixture,)
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise ValueError(f"{missing[0]} is missing; expected in root the folders {_LAYOUT}: copy the track again.")
    return paths


def _decode_stem(path: Path) -> dict[str, tuple[Waveform, int]]:
    """The five streams of a stem file, (frames, channels) and rate each, in one pass over the file."""
    try:
        with av.open(path) as container:
            streams = container.streams.audio
            if len(streams) != len(_STREAMS) or any(stream.format.name != "fltp" for stream in streams):
                found = ", ".join(f"{stream.codec.name} {stream.format.name}" for stream in streams) or "none"
                raise ValueError(
                    f"{path} has the audio streams {found}; expected {len(_STREAMS)} of AAC: {', '.join(_STREAMS)}."
                )
            blocks: dict[int, list[NDArray[Any]]] = {stream.index: [] for stream in streams}
            for packet in container.demux(*streams):
                frames = (frame for frame in packet.decode() if isinstance(frame, av.AudioFrame))
                blocks[packet.stream.index].extend(frame.to_ndarray() for frame in frames)
            return {
                name: (_join(path, stream, blocks.pop(stream.index)), stream.rate)
                for name, stream in zip(_STREAMS, streams, strict=True)
            }
    except av.FFmpegError as error:
        raise ValueError(f"{path} cannot be decoded ({error.strerror}); copy it again from the corpus.") from error


def _join(path: Path, stream: av.AudioStream, blocks: list[NDArray[Any]]) -> Waveform:
    """Decoded blocks (channels, frames) as one waveform, rounded and clipped to 16 bit as musdb delivers it."""
    frames = sum(block.shape[1] for block in blocks)
    announced = round(stream.duration * stream.time_base * stream.rate) if stream.duration and stream.time_base else 1
    if frames < max(1, announced - _CODEC_FRAMES):
        raise ValueError(
            f"{path} is cut short: a stream announces {announced} frames, {frames} came; copy it again from the corpus."
        )
    waveform: Waveform = np.ascontiguousarray(np.concatenate(blocks, axis=1).T)
    waveform *= _INT16_SCALE
    np.rint(waveform, out=waveform)
    np.clip(waveform, -_INT16_SCALE, _INT16_SCALE - 1, out=waveform)
    waveform /= _INT16_SCALE
    return waveform
