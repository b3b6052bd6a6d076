"""Sounds are found with their kits and classes, whatever the layout."""

import pytest

from data_prep.shots.classes import class_of, read_kit
from data_prep.shots.found import find_sounds, folder_sha256, of_classes
from tests.data_prep.shots.sounds import drum, write, write_kits

NAMES = {
    "kick": "Kick_01, BassDrum, BDRUM, bass drum 3, bd1, 808 Kicks, Kick (Tama 22in)",
    "snare": "snare3, SD, Rim Click, sidestick01, Side Stick, Snare Rimshot, SnareJazz, c#3 - stick",
    "tom": "Toms, TomLow, tomhi2, floor tom",
    "hat": "HiHat, closedhat, PedalHat, hi-hat open, hihat_closed05, Closed HH, OHH, hats",
    "cymbal": "Crash/Ride, splash, China 18, Cymbals, ride-cup",
    "clap": "HandClap, claps, clap_Dry",
    None: "Tambourine, Drum 1, Bell, chat, atomic, sdk, override, 12, rhh",
}
KIT = """<?xml version="1.0" encoding="UTF-8"?>
<drumkit_info{namespace}>
  <name>A Kit of Kicks</name>
  <instrumentList>
    <instrument><name>Snare Jazz</name><filename>a.wav</filename></instrument>
    <instrument><name>Kick</name>
      <layer><filename>soft.wav</filename></layer>
      <instrumentComponent><layer><filename>hard.wav</filename></layer></instrumentComponent>
      <layer><filename>a.wav</filename></layer>
    </instrument>
    <instrument><name>Cowbell</name><filename>hat.wav</filename></instrument>
    <instrument><name></name><filename></filename></instrument>
  </instrumentList>
</drumkit_info>
"""
NAMESPACE = ' xmlns="http://www.hydrogen-music.org/drumkit"'


def touch(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")


def listed(root):
    return {sound.source: (sound.name, sound.kit) for sound in find_sounds(root).sounds}


@pytest.mark.parametrize("expected", list(NAMES))
def test_words_say_the_class(expected):
    names = NAMES[expected].split(", ")
    assert {name: class_of(name) for name in names} == dict.fromkeys(names, expected)


def test_folders_of_kits_hold_folders_of_classes(tmp_path):
    touch(tmp_path, "A/Kicks/1.wav", "A/Bongos/x/1.flac", "A/crash.wav", "A/x.wav", "B/SD/1.ogg")
    touch(tmp_path, "A/Kicks/._1.wav", ".hidden/Kicks/1.wav", "A/readme.txt")
    assert listed(tmp_path) == {
        "A/Kicks/1.wav": ("A/kick/1", "A"),
        "A/Bongos/x/1.flac": ("A/Bongos/1", "A"),
        "A/crash.wav": ("A/cymbal/crash", "A"),
        "A/x.wav": ("A/other/x", "A"),
        "B/SD/1.ogg": ("B/snare/1", "B"),
    }


def test_folders_without_folders_are_classes_and_each_sound_is_its_own_kit(tmp_path):
    touch(tmp_path, "Kicks/1.wav", "bongo/1.wav", "bongo/1.flac", "Hat 2.wav", "x[1].wav")
    assert listed(tmp_path) == {
        "Kicks/1.wav": ("kick/1", "kick/1"),
        "bongo/1.flac": ("bongo/1", "bongo/1"),
        "bongo/1.wav": ("bongo/1-2", "bongo/1-2"),
        "Hat 2.wav": ("hat/Hat 2", "hat/Hat 2"),
        "x[1].wav": ("other/x_1_", "other/x_1_"),
    }


@pytest.mark.parametrize("namespace", ["", NAMESPACE])
@pytest.mark.parametrize("folder", ["GM", ""])
def test_a_drumkit_says_the_classes(tmp_path, namespace, folder):
    root = tmp_path / "root"
    kit = folder or "root"
    touch(root / folder, "a.wav", "soft.wav", "hard.wav", "hat.wav", "clap.wav")
    (root / folder / "drumkit.xml").write_text(KIT.format(namespace=namespace))
    names = [sound.name for sound in find_sounds(root).sounds]
    expected = ["snare/a", "clap/clap", "kick/hard", "other/hat", "kick/soft"]
    assert names == [f"{kit}/{name}" for name in expected]
    assert {sound.kit for sound in find_sounds(root).sounds} == {kit}
    assert find_sounds(root).remarks == ()
    (root / folder / "hard.wav").unlink()
    assert "names files that are not there: hard.wav." in find_sounds(root).remarks[0]


def test_a_drumkit_with_entities_is_not_interpreted(tmp_path):
    touch(tmp_path, "GM/kick.wav")
    bomb = '<!DOCTYPE k [<!ENTITY a "snare"><!ENTITY b "&a;&a;">]>'
    (tmp_path / "GM" / "drumkit.xml").write_text(bomb + KIT.format(namespace=""))
    with pytest.raises(ValueError, match="has a document type of its own"):
        read_kit(tmp_path / "GM" / "drumkit.xml")
    found = find_sounds(tmp_path)
    assert [sound.name for sound in found.sounds] == ["GM/kick/kick"]
    assert "has a document type of its own" in found.remarks[0]
    for text in ("", "no xml", "<a>", "<a></b>"):
        (tmp_path / "GM" / "drumkit.xml").write_text(text)
        with pytest.raises(ValueError, match="is no XML"):
            read_kit(tmp_path / "GM" / "drumkit.xml")


def test_folders_without_sounds_are_refused(tmp_path):
    with pytest.raises(ValueError, match="there is no folder"):
        find_sounds(tmp_path / "none")
    touch(tmp_path, "readme.txt")
    with pytest.raises(ValueError, match="has no sound files"):
        find_sounds(tmp_path)


def test_another_content_or_class_is_another_folder(tmp_path):
    touch(tmp_path, "A/Kicks/1.wav", "A/Kicks/2.wav")
    sounds = find_sounds(tmp_path).sounds
    before = folder_sha256(sounds)
    assert before == folder_sha256(sounds)
    (tmp_path / "A/Kicks/2.wav").write_bytes(b"y")
    assert folder_sha256(sounds) != before


def test_some_classes_are_taken_alone(tmp_path):
    write_kits(tmp_path, ["one"], per_class=2)
    found = find_sounds(tmp_path)
    chosen = of_classes(found, ["snare"])
    assert [sound.class_name for sound in chosen] == ["snare", "snare"]
    assert of_classes(found, []) == list(found.sounds)
    with pytest.raises(ValueError, match="no sound is of the class 'gong'; there are hat, kick"):
        of_classes(found, ["gong"])


def test_files_say_the_class_where_their_folder_does_not(tmp_path):
    for name in ("Kit/drums/snare 01.wav", "Kit/drums/thing.wav"):
        write(tmp_path / name, drum(1))
    classes = {sound.name: sound.class_name for sound in find_sounds(tmp_path).sounds}
    assert classes == {"Kit/snare/snare 01": "snare", "Kit/drums/thing": "drums"}
