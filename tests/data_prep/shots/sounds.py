"""Made-up drums for the tests of one-shots."""

import numpy as np
import soundfile

RATE = 8000


def drum(seed, secs=0.2, rate=RATE):
    """Noise that decays, (T,): every seed another sound."""
    rng = np.random.default_rng(seed)
    num_frames = round(secs * rate)
    decay = np.exp(-np.arange(num_frames) / (rate * rng.uniform(0.02, 0.05)))
    return (0.5 * decay * rng.uniform(-1, 1, num_frames)).astype(np.float32)


def write(path, sound, rate=RATE, subtype="FLOAT"):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, sound, rate, subtype=subtype)


def write_kits(root, kits, per_class=5, classes=("Kick", "Snare", "Hat")):
    """Kits of folders of classes, all of their sounds different."""
    for k, kit in enumerate(kits):
        for c, name in enumerate(classes):
            for i in range(per_class):
                write(root / kit / name / f"{i}.wav", drum([k, c, i]))
