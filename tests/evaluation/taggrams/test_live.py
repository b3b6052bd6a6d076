"""What sounds now: raw PCM in, a line a second out, as it arrives."""

import io
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from data_prep.audio.tracks import AudioFormat
from evaluation.taggrams.live import LiveListener, iter_seconds, print_live
from tests.evaluation.taggrams.tone_run import HIGH_HZ, LOW_HZ, tone

ROOT = Path(__file__).parents[3]
RATE = 11025
FORMAT = AudioFormat(RATE, 2)


def pcm(waveform):
    """Signed 16 bits of a waveform (T, C), little end first."""
    return (waveform * 2**15).astype("<i2").tobytes()


def song():
    """Seconds: silence; low; low and high; high; a quarter of a second of silence."""
    waveform = np.zeros((4 * RATE + RATE // 4, 2), np.float32)
    waveform[RATE : 3 * RATE, 0] = tone(LOW_HZ, 2.0, RATE)
    waveform[2 * RATE : 4 * RATE, 1] = tone(HIGH_HZ, 2.0, RATE)
    return waveform


LINES = [
    r"0:01  -",
    r"0:02  clarinet \d\.\d\d",
    r"0:03  clarinet \d\.\d\d, violin \d\.\d\d",
    r"0:04  violin \d\.\d\d",
]


def test_pcm_is_cut_into_seconds():
    waveform = song()
    # Half a frame at the end is none.
    seconds = list(iter_seconds(io.BytesIO(pcm(waveform) + b"\1\2\3"), FORMAT))
    assert [len(each) for each in seconds] == [RATE] * 4 + [RATE // 4]
    np.testing.assert_allclose(np.concatenate(seconds), waveform, atol=2**-15)


def test_a_line_comes_with_its_second(tagger):
    """Not a byte more is written before the line has been read."""
    from_song, into_song = os.pipe()
    from_lines, into_lines = os.pipe()
    with (
        os.fdopen(from_song, "rb") as stream,
        os.fdopen(into_lines, "w") as out,
        os.fdopen(from_lines) as lines,
    ):
        listening = threading.Thread(target=print_live, args=(tagger, stream, FORMAT, out))
        listening.start()
        with os.fdopen(into_song, "wb", buffering=0) as song_end:
            data = pcm(song())
            size = 4 * RATE
            for number, expected in enumerate(LINES):
                # Less than a second is no second.
                song_end.write(data[number * size : number * size + size - 2])
                song_end.write(data[number * size + size - 2 : (number + 1) * size])
                assert re.fullmatch(expected, lines.readline().rstrip("\n"))
            song_end.write(data[4 * size :])
        # Its quarter of a second is silent, but for the end of the tone.
        assert re.match(r"0:04\.25  ", lines.readline())
        listening.join()
        out.close()
        assert lines.readline() == ""


@pytest.mark.parametrize("median_columns", [pytest.param(1, marks=pytest.mark.slow), 33])
def test_columns_are_those_of_the_whole(tagger, monkeypatch, median_columns):
    """But for those near the end of each second, behind which sound is missing."""
    listener = tagger.listener
    monkeypatch.setattr(type(listener), "median_columns", median_columns)
    # It sounds for 30 ms of 110, more and less often than not as the filter goes along.
    waveform = np.repeat(tone(LOW_HZ, 4.25, RATE)[:, None], 2, axis=1)
    times = np.arange(len(waveform)) / RATE
    waveform[times % 0.11 > 0.055 + 0.05 * np.sin(9 * times)] = 0
    whole = tagger.hear([waveform], RATE)
    live = LiveListener(listener, RATE)
    parts = [live.hear(part) for part in np.split(waveform, [RATE, 2 * RATE, 3 * RATE, 4 * RATE])]
    found = np.concatenate(parts, axis=1)
    assert found.shape == whole.shape
    margin = listener.config.model.window().margin_frames
    # The filter reads half of its columns, and a resampler a few frames.
    num_missing = -(-margin // listener.column_frames) + median_columns // 2 + 1
    first = 0
    compared = 0
    for part in parts:
        stop = first + part.shape[1] - num_missing
        np.testing.assert_allclose(part[:, :-num_missing], whole[:, first:stop], atol=2e-3)
        compared += stop - first
        first += part.shape[1]
    assert compared > 0.5 * whole.shape[1]


def begin_command(workdir):
    arguments = ["-m", "evaluation.tag", "-", f"--workdir={workdir}", f"--rate={RATE}"]
    return subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # Where the tests run in the background it is ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def converse(process):
    """Writes a second, and the next one when the line about it has been read."""
    size = 4 * RATE
    data = pcm(song())
    for number, expected in enumerate(LINES):
        process.stdin.write(data[number * size : (number + 1) * size])
        process.stdin.flush()
        assert re.fullmatch(expected, process.stdout.readline().decode().rstrip("\n"))


@pytest.mark.slow
def test_the_command_says_what_sounds_as_it_sounds(workdir):
    # Both import at the same time.
    with begin_command(workdir) as ended, begin_command(workdir) as interrupted:
        converse(ended)
        ended.stdin.close()
        converse(interrupted)
        interrupted.send_signal(signal.SIGINT)
        for process in (ended, interrupted):
            assert process.wait(timeout=60) == 0
            assert process.stdout.read() == b""
            assert process.stderr.read().decode() == f"step 0 of {workdir} listens\n"


@pytest.mark.slow
def test_it_ends_where_nobody_reads_its_lines(workdir):
    with begin_command(workdir) as process:
        converse(process)
        process.stdout.close()
        process.stdin.write(bytes(4 * RATE))
        process.stdin.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read().decode() == f"step 0 of {workdir} listens\n"
