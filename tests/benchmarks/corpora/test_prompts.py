"""Prompts of telephone exchanges: only those in which somebody speaks, each once."""

import numpy as np
import pytest
import soundfile

from benchmarks.corpora.prompts import fetch_prompts, one_after_the_other


def test_tones_and_silence_are_no_prompts(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.corpora.prompts.fetch_all", lambda *_: None)
    for name in ("hello.wav", "beep.wav", "silence/1.wav", "digits/1.wav"):
        path = tmp_path / "english" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    found = fetch_prompts(tmp_path, "english")
    assert [path.relative_to(tmp_path / "english").as_posix() for path in found] == [
        "digits/1.wav",
        "hello.wav",
    ]


def test_prompts_follow_each_other_in_an_order_of_the_seed(tmp_path):
    paths = []
    for number in range(6):
        path = tmp_path / f"{number}.wav"
        soundfile.write(path, np.full(5, number / 10), 8000, subtype="FLOAT")
        paths.append(path)
    spoken = one_after_the_other(paths, 0)
    assert spoken.shape == (30, 1)
    orders = {tuple(one_after_the_other(paths, seed)[::5, 0].tolist()) for seed in range(5)}
    assert len(orders) > 1
    assert all(sorted(order) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5]) for order in orders)
    soundfile.write(paths[0], np.zeros(5), 16000)
    with pytest.raises(ValueError, match="of 16000 Hz; expected 8000"):
        one_after_the_other(paths, 0)
