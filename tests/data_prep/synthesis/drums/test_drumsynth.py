"""Files of DrumSynth become patches, and what is no such file is refused in a sentence."""

from pathlib import Path

import numpy as np
import pytest

from data_prep.synthesis.drums.drumsynth import parse_patch, read_patch
from data_prep.synthesis.drums.patch import Distortion, Envelope, Filter, Noise, Patch
from data_prep.synthesis.drums.render import render

# written for this test, in the form that DrumSynth's files have
TEXT = """[General]
Version=DrumSynth v2.0
Comment=100% made up = yes
Tuning=12.00
Stretch=200.0
Level=-6
Filter=1
HighPass=1
Resonance=50
FilterEnv=0,0 44100,100

[Tone]
On=1
Level=128
F1=200
F2=100
Droop=50
Phase=90
Envelope=0,100 22050,50 44100,-1

[Noise]
On=1
Level=181
Slope=-50
Envelope=0,100 441,0
FixedSeq=1

[Overtones]
On=1
Level=64
F1=300
Wave1=4
Track1=1
F2=500
Wave2=2
Track2=0
Method=2
Param=25
Envelope1=0,100 100,0
Envelope2=0,100 200,0
Filter=0

[NoiseBand]
On=1
Level=128
F=1000
dF=40
Envelope=0,100 300,0

[NoiseBand2]
On=0
F=nonsense that nothing asks for

[Distortion]
On=1
Clipping=6
Bits=4
Rate=1

[Unknown]
Key=1
"""


def parse(text: str) -> Patch:
    return parse_patch(text.replace("\n", "\r\n").encode("latin-1"))


def test_every_value_has_its_place() -> None:
    patch = parse(TEXT)
    (tone,) = patch.tones
    assert (tone.gain, tone.start_hz, tone.end_hz, tone.droop) == (1, 400, 200, 5)
    assert tone.phase == pytest.approx(np.pi / 2)
    # Twice as long; the -1 that DrumSynth writes now and then is 0.
    assert tone.envelope == Envelope(((0.0, 1.0), (1.0, 0.5), (2.0, 0.0)))
    (noise,) = patch.noises
    assert noise == Noise(noise.gain, Envelope(((0.0, 1.0), (0.02, 0.0))), slope_db=-3.0)
    # 6 dB above noise at 128
    assert noise.gain == pytest.approx(2 * patch.bands[0].gain, rel=0.01)
    (band,) = patch.bands
    assert (band.hz, band.width_hz) == (2000, 800)
    overtones = patch.overtones
    assert overtones is not None
    assert (overtones.gain, overtones.method, overtones.amount) == (0.25, "ring", 0.25)
    assert (overtones.first.wave, overtones.second.wave) == ("square", "triangle")
    assert (overtones.first.follows_tone, overtones.second.follows_tone) == (True, False)
    assert (overtones.first.hz, overtones.second.hz) == (600, 1000)
    assert not overtones.is_filtered
    cutoff = Envelope(((0.0, 20.0), (2.0, 20_000.0)))
    assert patch.filter == Filter(cutoff, is_high_pass=True, resonance=0.5)
    assert patch.distortion == Distortion(drive_db=6, bits=8, rate_hz=22_050)
    assert patch.gain_db == -6


def test_a_file_is_heard(tmp_path: Path) -> None:
    tone = "[General]\nVersion=DrumSynth v1.0\n[Tone]\nOn=1\nF1=500\nF2=500\nEnvelope=0,99 44100,99"
    (tmp_path / "beep.ds").write_text(tone)
    patch = read_patch(tmp_path / "beep.ds")
    waveform = render(patch, 8000, np.random.default_rng(0))
    assert np.argmax(np.abs(np.fft.rfft(waveform))) == 500
    assert np.abs(waveform).max() == pytest.approx(0.99, abs=0.01)


def test_an_absent_section_is_silent() -> None:
    patch = parse("[General]\nVersion=DrumSynth v2.0\n")
    assert patch == Patch()
    assert not render(patch, 8000, np.random.default_rng(0)).any()


def test_overtones_follow_a_tone_that_is_off() -> None:
    patch = parse(TEXT.replace("[Tone]\nOn=1", "[Tone]\nOn=0").replace("FilterEnv", "Unknown"))
    assert patch.tones[0].gain == 0
    # The silent tone makes nothing longer.
    assert patch.secs == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("F1=200", "F1=low", "[Tone] F1 is 'low'; expected a number from 0 to 1e+06."),
        ("F1=200", "F1=-1", "[Tone] F1 is '-1'; expected a number from 0 to 1e+06."),
        ("Slope=-50", "Slope=nan", "[Noise] Slope is 'nan'; expected a number from -100 to 100."),
        ("Method=2", "Method=9", "[Overtones] Method is '9'; expected a number from 0 to 3."),
        ("Bits=4", "Bits=8", "[Distortion] Bits is '8'; expected a number from 0 to 7."),
        ("Envelope=0,100 300,0", "Envelope=0,1 x", "[NoiseBand] Envelope is '0,1 x'; expected"),
        ("Envelope=0,100 300,0", "Envelope=", "[NoiseBand] Envelope is ''; expected points"),
        ("22050,50 44100", "44100,50 22050", "whose times never fall"),
        ("0,100 300,0", "0,100 " * 99 + "300,-2", "...'; expected points FRAMES,LEVEL"),
        ("DrumSynth v2.0", "", "[General] Version is ''; expected DrumSynth v1.0"),
        ("[General]", "General", "expected a file of DrumSynth: text with sections"),
        ("Key=1", "Key=" + "1" * 70_000, "expected a file of DrumSynth, which has at most 65536"),
    ],
)
def test_nonsense_names_file_section_and_value(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    path = tmp_path / "odd.ds"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ValueError, match=r"odd\.ds: ") as caught:
        read_patch(path)
    assert complaint in str(caught.value)
    assert len(str(caught.value)) < 400
