"""The page in headless Chromium, from the command itself: real songs, and what leaves the machine."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.evaluation.report.test_browser import wait

ROOT = Path(__file__).parents[3]
WORKDIR = ROOT / "tests/before/files/run"
REAL_STEM = Path(str(files("stempeg") / "data" / "The Easton Ellises - Falcon 69.stem.mp4"))
RATE = 22050
# Whether the page has been told of the network.
READY = "document.querySelectorAll('#sources input').length > 0"
TICKED = "[...document.querySelectorAll('#choices input:checked')].map(each => each.value)"
# As in a browser that keeps nothing of this machine.
WITHOUT_STORAGE = """
Object.defineProperty(window, "sessionStorage", {
  get() { throw new DOMException("The operation is insecure.", "SecurityError"); }
});
"""
# Copies of all sounds before they are turned up or down, as channels of one stream: what comes at
# one time stands in one row.
TAP = """
const gains = [], begin = AudioContext.prototype.createGain, go = AudioNode.prototype.connect;
window.heard = [];
AudioContext.prototype.createGain = function () {
  const gain = begin.call(this);
  gain.tap = gains.push(gain) - 1;
  if (!this.tap) {
    const tap = this.createScriptProcessor(4096, 16, 1);
    this.tap = this.createChannelMerger(16);
    tap.onaudioprocess = ({inputBuffer}) => {
      window.heard.push(gains.map((_, i) => [...inputBuffer.getChannelData(i)]));
    };
    go.call(this.tap, tap);
    go.call(tap, this.destination);
  }
  return gain;
};
AudioNode.prototype.connect = function (target, ...rest) {
  if (this instanceof AudioBufferSourceNode) go.call(this, target.context.tap, 0, target.tap);
  return go.call(this, target, ...rest);
};
"""

pytestmark = pytest.mark.slow


class Command:
    """Is the command, with the address that it printed."""

    def __init__(self, place, *flags):
        arguments = ["-m", "evaluation.separate", "--serve", f"--workdir={WORKDIR}", "--port=0"]
        arguments += flags
        self.errors = place / "errors"
        with self.errors.open("w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                cwd=ROOT,
                env={"TMPDIR": str(place), "PATH": "/usr/bin:/bin"},
                # Tests that run under nohup would hand down that a closed terminal is nothing.
                preexec_fn=partial(signal.signal, signal.SIGHUP, signal.SIG_DFL),
            )
        self.place = place
        lines = iter(self.process.stdout.readline, "")
        self.address = next(line.split()[1] for line in lines if line.startswith("open "))

    def end(self, number):
        self.process.send_signal(number)
        rest = self.process.communicate(timeout=30)[0]
        return self.process.returncode, rest

    def files(self):
        """Returns what there is of songs; TensorFlow leaves files of its own beside."""
        return [path for path in self.place.glob("source-separate-*/**/*") if path.is_file()]


@pytest.fixture(scope="module")
def command(tmp_path_factory):
    command = Command(tmp_path_factory.mktemp("place"))
    yield command
    if command.process.poll() is None:
        command.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    """Two songs: noise of ten seconds, whose every frame can be told, and the real track."""
    folder = tmp_path_factory.mktemp("songs")
    noise = 0.1 * np.random.default_rng(1).standard_normal((10 * RATE, 1))
    soundfile.write(folder / "noise <b>.wav", noise.astype(np.float32), RATE, subtype="FLOAT")
    shutil.copy(REAL_STEM, folder)
    return [folder / "noise <b>.wav", folder / REAL_STEM.name]


@pytest.fixture
def page(browser, command):
    context = browser.new_context(viewport={"width": 390, "height": 800}, accept_downloads=True)
    page = context.new_page()
    page.problems, page.requests = [], []
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("request", lambda request: page.requests.append(request.url))
    page.add_init_script(TAP)
    page.goto(command.address)
    wait(page, READY)
    yield page
    # The next test begins without songs.
    if command.process.poll() is None:
        page.evaluate("document.querySelectorAll('.remove').forEach(each => each.click())")
        wait(page, "document.querySelector('.song') === null")
    context.close()


def send_noise(page, folder, name):
    """Sends a second of noise with the choices of the page, and waits until it can be heard."""
    noise = 0.1 * np.random.default_rng(2).standard_normal((RATE, 1))
    soundfile.write(folder / name, noise.astype(np.float32), RATE, subtype="FLOAT")
    page.set_input_files("#files", folder / name)
    wait(page, "document.querySelector('.player:not([hidden])') !== null")


def drop(page, *paths):
    """Drops files and folders on the page, as a person does from a window of the system."""
    session = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 100, "y": 100, "data": data})
    session.detach()


def place_in(sound, block):
    """Returns at which frame of a sound a block of it begins."""
    size = 2 ** int(np.ceil(np.log2(len(sound) + len(block))))
    spectrum = np.fft.rfft(sound, size) * np.fft.rfft(block, size).conj()
    return int(np.argmax(np.fft.irfft(spectrum, size)[: len(sound)]))


def make_by_command(path, out):
    command = [sys.executable, "-m", "evaluation.separate", f"--workdir={WORKDIR}", str(path)]
    command += [f"--out={out}", "--write=all,residual", "--labels=all"]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    return {file.stem: file for file in (out / path.stem).glob("*.wav")}


def test_songs_are_sent_separated_heard_in_step_and_taken_away(page, command, songs, tmp_path):
    size = sum(
        len(page.request.get(f"{command.address.split('#')[0]}{name}").body())
        for name in ("", "page.css", "page.js", "player.js", "heard.js")
    )
    assert size < 80_000
    # The token is in no address that the page shows.
    assert "#" not in page.evaluate("location.href")
    for box in page.query_selector_all("#sources input"):
        box.check()
    page.check("#residual")
    page.set_input_files("#files", songs)
    progress = set()
    for _ in range(600):
        progress |= set(
            page.evaluate("[...document.querySelectorAll('.status')].map(each => each.textContent)")
        )
        if page.evaluate("document.querySelectorAll('.player:not([hidden])').length") == 2:
            break
        page.wait_for_timeout(20)
    assert any("waits for the songs before it" in text for text in progress)
    assert any(re.search(r"\d+ %(, \d:\d\d left)?", text) for text in progress)
    titles = page.evaluate("[...document.querySelectorAll('h2')].map(each => each.textContent)")
    # As text: no name makes an element.
    assert sorted(titles) == sorted(path.name for path in songs)

    expected = make_by_command(songs[0], tmp_path)
    card = page.locator(".song").filter(has_text="noise <b>.wav")
    names = [
        "*",
        *page.evaluate(
            "[...document.querySelectorAll('.song')].filter(each => each.textContent.includes('noise'))"
            ".flatMap(each => [...each.querySelectorAll('.stem')].map(row => row.dataset.stem))"
        ),
    ]
    assert set(names[1:]) == set(expected)

    # In step: what sounds at one time is the same frame of every sound.
    card.locator(".play").press("Enter")
    sounds = [songs[0], *(expected[name] for name in names[1:])]
    waveforms = [soundfile.read(sound, dtype="float32")[0] for sound in sounds]
    for number in range(100):
        wait(page, f"window.heard.length > {number}")
        blocks = np.array(page.evaluate(f"window.heard[{number}]"), np.float32)
        first = place_in(waveforms[0], blocks[0])
        frames = slice(first, first + len(blocks[0]))
        is_whole = len(waveforms[0]) > frames.stop and np.allclose(
            waveforms[0][frames], blocks[0], atol=1e-6
        )
        # Later than the first stretch, so that a seam was passed; a slow machine may wait between.
        if is_whole and first > RATE:
            break
    assert is_whole
    for waveform, block in zip(waveforms, blocks, strict=True):
        np.testing.assert_allclose(waveform[frames], block, atol=1e-6)

    # Solo and mute by the keyboard.
    silent = "[...document.querySelectorAll('.stem.silent')].length"
    solo = card.locator(".solo").first
    solo.press("Space")
    assert solo.get_attribute("aria-pressed") == "true"
    assert page.evaluate(silent) == len(names) - 2
    solo.press("Space")
    card.locator(".mute").first.press("Enter")
    assert page.evaluate(silent) == 1
    card.locator(".hear input").nth(1).press("Space")
    assert page.evaluate(silent) == len(names) - 1
    card.locator(".play").press("Enter")

    stem = names[1]
    with page.expect_download() as download:
        card.locator(".download").first.press("Enter")
    assert Path(download.value.path()).read_bytes() == expected[stem].read_bytes()
    assert download.value.suggested_filename == f"noise _b_ - {stem}.wav"

    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    home = command.address.split("#")[0]
    assert {url for url in page.requests if not url.startswith((home, "data:", "blob:"))} == set()
    # Of the recorder of this test.
    own = "The ScriptProcessorNode is deprecated"
    assert [problem for problem in page.problems if not problem.startswith(own)] == []


def test_a_song_that_cannot_be_separated_is_told_in_a_sentence(page, tmp_path):
    page.check("#sources input")
    (tmp_path / "list.m3u8").write_text("#EXTM3U\n/etc/passwd\n")
    page.set_input_files("#files", tmp_path / "list.m3u8")
    wait(page, "document.querySelector('.status.failed') !== null")
    text = page.evaluate("document.querySelector('.status.failed').textContent")
    assert text.startswith("list.m3u8 is no sound file that can be decoded")
    page.locator(".song", has_text="list.m3u8").locator(".remove").press("Enter")
    wait(page, "document.querySelector('.status.failed') === null")


def test_a_reload_finds_what_was_chosen_in_this_tab(page, command, tmp_path):
    assert page.evaluate(TICKED) == [""]
    boxes = page.query_selector_all("#sources input")
    boxes[0].check()
    boxes[2].check()
    page.check("input[value=all]")
    page.check("#residual")
    ticked = page.evaluate(TICKED)
    sources = [boxes[i].get_attribute("value") for i in (0, 2)]
    assert ticked == [*sources, "all", "residual"]
    send_noise(page, tmp_path, "a.wav")
    page.select_option(".format", "flac")
    page.reload()
    wait(page, "document.querySelector('.player:not([hidden])') !== null")
    assert page.evaluate(TICKED) == ticked
    assert page.input_value(".format") == "flac"
    page.query_selector_all("#sources input")[0].uncheck()
    page.reload()
    wait(page, READY)
    assert page.evaluate(TICKED) == ticked[1:]

    other = page.context.new_page()
    other.goto(command.address)
    wait(other, READY)
    assert other.evaluate(TICKED) == [""]


def test_a_browser_that_keeps_nothing_shows_the_page_all_the_same(page, command):
    other = page.context.new_page()
    other.add_init_script(WITHOUT_STORAGE)
    other.on("pageerror", lambda error: page.problems.append(str(error)))
    other.goto(command.address)
    wait(other, READY)
    other.check("#residual")
    assert other.evaluate(TICKED) == ["", "residual"]
    assert page.problems == []


def test_the_keyboard_goes_on_beside_a_song_that_is_removed(page, tmp_path):
    page.check("#sources input")
    paths = [tmp_path / name for name in ("a.txt", "b.txt", "c.txt")]
    for path in paths:
        path.write_text("no sound")
        page.set_input_files("#files", path)
        wait(page, f"document.querySelector('h2')?.textContent === '{path.name}'")
    focused = "document.activeElement.textContent || document.activeElement.id"
    # The newest song is the first; the one behind follows, and of the last the one before.
    for removed, expected in [("b.txt", "a.txt"), ("a.txt", "c.txt"), ("c.txt", "files")]:
        button = page.locator(".song").filter(has_text=removed).locator(".remove")
        button.press("Enter")
        wait(page, f"!document.querySelector('#songs').textContent.includes('{removed}')")
        assert page.evaluate(focused) == expected
    # Where the keyboard is elsewhere, it stays there.
    page.set_input_files("#files", paths[0])
    wait(page, "document.querySelector('.song') !== null")
    page.focus("#residual")
    page.evaluate("document.querySelector('.remove').click()")
    wait(page, "document.querySelector('.song') === null")
    assert page.evaluate("document.activeElement.id") == "residual"


def test_a_folder_that_is_dropped_is_refused_and_the_song_beside_it_taken(page, tmp_path):
    page.check("#sources input")
    folder = tmp_path / "album"
    folder.mkdir()
    (tmp_path / "a.txt").write_text("no sound")
    drop(page, folder, tmp_path / "a.txt")
    wait(page, "document.querySelector('.song') !== null")
    assert page.locator("#uploads").inner_text().startswith("album: a folder cannot be dropped;")
    assert page.locator("h2").all_text_contents() == ["a.txt"]
    page.locator("#uploads button").press("Enter")
    assert page.evaluate("document.querySelector('#uploads').children.length") == 0
    assert page.evaluate("document.activeElement.id") == "files"


def test_nothing_stays_of_a_command_that_ends_or_is_killed(page, command, tmp_path):
    page.check("#sources input")
    send_noise(page, tmp_path, "a.wav")
    num_files = len(command.files())
    # Its own lock, the song and a stem.
    assert num_files == 3
    assert command.end(signal.SIGKILL)[0] == -signal.SIGKILL
    assert len(command.files()) == num_files
    again = Command(command.place)
    # Its own lock alone.
    assert [path.suffix for path in command.files()] == [".lock"]
    home, token = again.address.split("/#")
    host = home.removeprefix("http://")
    head = f"POST /api/songs?title=a.wav&labels=va HTTP/1.1\r\nHost: {host}\r\nX-Token: {token}\r\n"
    with socket.create_connection(host.split(":"), timeout=10) as connection:
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\nhalf".encode())
        for _ in range(100):
            if len(again.files()) > 1:
                break
            time.sleep(0.05)
        assert len(again.files()) == 2
        # As a terminal that is closed does, while a song comes in.
        status, said = again.end(signal.SIGHUP)
    assert (status, said.splitlines()[-1]) == (0, "stopped")
    assert again.errors.read_text(encoding="utf-8") == ""
    assert command.files() == []
