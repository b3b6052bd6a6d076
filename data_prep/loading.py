"""A track from its files, whatever the corpus: decoded once, measured on the way, its parts summed by instrument."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from data_prep.activity import INAUDIBLE_DBFS
from data_prep.stems import CODEC_FRAMES, SUFFIX, read_stems
from data_prep.tracks import MIXTURE, Track, TrackFiles, Waveform, residual_db
from data_prep.waveforms import fit_frames, read_wav

_FULL_SCALE = 32766 / 32768  # of 16 bit, but for a step of rounding
_MAX_CLIPPED = 1e-3  # share of the values at full scale; loud masters have some
_MAX_RESIDUAL_DB = -40.0
_MAX_RESIDUAL_DB_CODED = -10.0  # a lossy codec codes the mixture and every stem by itself


class _Part:
    """A waveform of a track. Errors name its path; warnings, which records keep, its name, wherever the corpus lies."""

    def __init__(self, instrument: str | None, path: Path, stream: str, waveform: Waveform, sample_rate: int) -> None:
        self.instrument = instrument  # None: the mixture
        self.place, self.name = f"{stream}{path}", f"{stream}{path.name}"
        self.waveform, self.sample_rate = waveform, sample_rate

    @property
    def form(self) -> tuple[int, int]:
        return self.sample_rate, self.waveform.shape[1]

    def findings(self) -> tuple[list[str], list[str]]:
        """What is wrong with the waveform: errors and warnings, a sentence each."""
        low, high = float(self.waveform.min()), float(self.waveform.max())  # of NaN both are NaN
        peak = max(-low, high)
        if not np.isfinite(peak):
            return [f"{self.place} holds values that are not finite numbers; copy it again from the corpus."], []
        if peak <= 10 ** (INAUDIBLE_DBFS / 20):
            if self.instrument is None:
                return [f"{self.place} is silent; a mixture must sound."], []
            return [], [f"{self.name} is silent."]
        if peak < _FULL_SCALE:
            return [], []
        clipped = float(np.mean(np.abs(self.waveform) >= _FULL_SCALE))
        return [], [f"{self.name} clips: {clipped:.2%} of it is at full scale."] if clipped > _MAX_CLIPPED else []


def load_track(files: TrackFiles) -> Track:
    """One track, every waveform (frames, channels) and as long as the mixture.

    Parts of one instrument are summed into one source. Without a mixture the sum of the sources is the mixture.

    Raises:
        ValueError: files cannot be decoded, or differ in rate or channels; a sentence for each, with its path.
    """
    errors, warnings = list(files.errors), list(files.warnings)
    parts: list[_Part] = []
    for part in _iter_parts(files, errors):
        wrong, odd = part.findings()
        if parts and part.form != parts[0].form:
            wrong.append(
                f"{part.place} has {part.sample_rate} Hz and {part.form[1]} channels, {parts[0].place} "
                f"{parts[0].sample_rate} Hz and {parts[0].form[1]}; expected the same, copy the track again."
            )
        errors += wrong
        warnings += odd
        parts.append(part)
    if errors:
        raise ValueError(" ".join(errors))
    mixture = parts.pop(0).waveform if parts[0].instrument is None else None
    num_frames = max(len(part.waveform) for part in parts) if mixture is None else len(mixture)
    sources: dict[str, Waveform] = {}
    num_parts: dict[str, int] = {}
    for part in parts:
        warnings += _length_warnings(part, num_frames, CODEC_FRAMES if _is_stem(files) else 0)
        name, waveform = str(part.instrument), fit_frames(part.waveform, num_frames)
        sources[name] = sources[name] + waveform if name in sources else waveform
        num_parts[name] = num_parts.get(name, 0) + 1
    if mixture is None:
        mixture = np.sum(list(sources.values()), axis=0)
    residual = residual_db(mixture, sources)
    if residual > (_MAX_RESIDUAL_DB_CODED if _is_stem(files) else _MAX_RESIDUAL_DB):
        warnings.append(
            f"{files.paths[0].name} is not the sum of its sources: the rest is at {residual:.1f} dB relative to it."
        )
    return Track(files.name, parts[0].sample_rate, mixture, sources, num_parts, tuple(warnings), residual)


def _iter_parts(files: TrackFiles, errors: list[str]) -> Iterator[_Part]:
    """The waveforms of a track, the mixture first; what cannot be read is added to ``errors``."""
    if _is_stem(files):
        path = files.paths[0]
        try:
            decoded = read_stems(path)
        except (ValueError, OSError) as error:
            errors.append(str(error))
            return
        for name, (waveform, sample_rate) in decoded.items():
            yield _Part(None if name == MIXTURE else name, path, f"{name} of ", waveform, sample_rate)
        return
    mixture = ((None, files.mixture),) if files.mixture else ()
    for instrument, path in (*mixture, *files.sources):
        try:
            yield _Part(instrument, path, "", *read_wav(path))
        except (ValueError, OSError) as error:
            errors.append(str(error) if isinstance(error, ValueError) else f"{path}: {error.strerror}.")


def _is_stem(files: TrackFiles) -> bool:
    return files.mixture is not None and files.mixture.name.endswith(SUFFIX)


def _length_warnings(part: _Part, num_frames: int, tolerance: int) -> list[str]:
    found = len(part.waveform)
    if abs(found - num_frames) <= tolerance:
        return []
    change = "padded" if found < num_frames else "trimmed"
    return [f"{part.name} has {found} frames, the track {num_frames}: {change}."]
