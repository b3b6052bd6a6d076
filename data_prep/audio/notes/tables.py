"""Reads the notes of a part from a text file, as URMP has them: onset, pitch, duration.

Each line has three numbers: seconds from the beginning, Hz, and seconds.
"""

import math
from pathlib import Path

from data_prep.audio.annotations import Note

_CENTS_OF_OCTAVE = 1200
# Of the pitch 440 Hz, MIDI's number 69.
_REFERENCE_CENTS = 6900
_REFERENCE_HZ = 440.0


def read_notes(path: Path, instrument: str, sample_rate: int) -> list[Note]:
    """Returns the notes of a part, in the order of the file.

    Args:
        path: of the text file.
        instrument: plays them.
        sample_rate: of the frames that they count in.

    Raises:
        ValueError: a line is of no note.
        OSError: the file cannot be read.
    """
    notes = []
    # Whatever bytes are no text are no number either.
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            onset_secs, hz, secs = map(float, line.split())
            is_note = onset_secs >= 0 and secs >= 0 and 0 < hz < math.inf
            if not (is_note and math.isfinite(onset_secs + secs)):
                raise ValueError(line)
        except ValueError:
            raise ValueError(
                f"line {number} of {path} is {line.strip()[:40]!r}; expected the onset of a note "
                f"in seconds, its pitch in Hz and its duration in seconds."
            ) from None
        onset = round(onset_secs * sample_rate)
        offset = max(round((onset_secs + secs) * sample_rate), onset + 1)
        cents = _REFERENCE_CENTS + round(_CENTS_OF_OCTAVE * math.log2(hz / _REFERENCE_HZ))
        notes.append(Note(onset, offset, cents, instrument))
    return notes
