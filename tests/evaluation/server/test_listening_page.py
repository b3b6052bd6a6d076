"""The page that listens, in headless Chromium: what it asks, ticks and draws."""

import json
import signal

import numpy as np
import pytest
import soundfile

from evaluation.recognition.recogniser import Recogniser
from tests.evaluation.report.test_browser import wait
from tests.evaluation.server.test_page import READY, Command
from tests.trainer.exports.untrained_run import make_run
from trainer.tasks.tagging.tagger import name_tagger

# Of the run that test_page separates with.
SOURCES = ("hn", "tba", "va")
RATE = 8000
SECS = 3
# How opaque the columns of each strip are, from 0 to 255, and their colour.
STRIPS = """
[...document.querySelectorAll("canvas")].map(
  (canvas) => [...canvas.getContext("2d").getImageData(0, 0, canvas.width, 1).data]
)
"""
LEFT_AND_RIGHT = """
[...document.querySelectorAll(".wave")].map((each) => {
  const box = each.getBoundingClientRect();
  return [box.left, box.right];
})
"""

pytestmark = pytest.mark.slow


def sounds():
    noise = 0.3 * np.random.default_rng(1).standard_normal((RATE * SECS, 1))
    return {"noise.wav": noise.astype(np.float32), "silence.wav": np.zeros_like(noise, np.float32)}


@pytest.fixture(scope="module")
def recogniser(tmp_path_factory):
    """A tagger that hears one instrument in noise, and none in silence."""
    workdir = tmp_path_factory.mktemp("tagger")
    make_run(workdir, [f"data.sources={','.join(SOURCES)}"], "smoke_tagger")
    untold = Recogniser(name_tagger(str(workdir)).load(), SOURCES)
    noise, silence = (untold.listen([sound], RATE).activity for sound in sounds().values())
    # (K,), where a threshold can lie.
    lowest = noise.min(axis=1)
    highest = silence.max(axis=1)
    heard = int(np.argmax(lowest - highest))
    assert lowest[heard] > highest[heard]
    thresholds = dict.fromkeys(SOURCES, 1.1)
    thresholds[SOURCES[heard]] = float(lowest[heard] + highest[heard]) / 2
    chosen = {f"threshold/{name}": value for name, value in thresholds.items()}
    line = json.dumps({"step": 5, "kind": "valid", **chosen})
    (workdir / "metrics.jsonl").write_text(f"{line}\n", encoding="utf-8")
    recogniser = Recogniser(name_tagger(str(workdir)).load(), SOURCES)
    recogniser.workdir = workdir
    recogniser.heard = SOURCES[heard]
    return recogniser


@pytest.fixture(scope="module")
def songs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    for name, sound in sounds().items():
        soundfile.write(folder / name, sound, RATE, subtype="FLOAT")
    return folder


@pytest.fixture(scope="module")
def command(recogniser, tmp_path_factory):
    command = Command(tmp_path_factory.mktemp("place"), f"--tagger={recogniser.workdir}")
    yield command
    command.end(signal.SIGKILL)


@pytest.fixture
def page(browser, command):
    context = browser.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    page.problems = []
    page.on("console", lambda message: page.problems.append(message.text))
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.goto(command.address)
    wait(page, READY)
    yield page
    page.evaluate("document.querySelectorAll('.remove').forEach(each => each.click())")
    wait(page, "document.querySelector('.song') === null")
    # Of the test's own looks at what is drawn.
    own = "Canvas2D: Multiple readback operations"
    assert [problem for problem in page.problems if not problem.startswith(own)] == []
    context.close()


def send(page, path):
    """Sends a song and waits until it can be heard; returns what was said meanwhile."""
    page.set_input_files("#files", path)
    said = set()
    for _ in range(3000):
        said |= set(page.locator(".status").all_text_contents())
        if page.evaluate("document.querySelector('.player:not([hidden])') !== null"):
            return said
        page.wait_for_timeout(10)
    raise AssertionError(f"still not: {said}")


def ticked(card):
    return card.locator(".heard input:checked").evaluate_all("all => all.map(each => each.value)")


def stems(card):
    return card.locator(".stem").evaluate_all("all => all.map(each => each.dataset.stem)")


def test_it_offers_to_listen_and_keeps_another_choice(page):
    assert page.is_checked("input[name=plays][value=auto]")
    assert page.locator("#sources").is_hidden()
    assert "heard as a whole first" in page.inner_text("#hint")
    page.press("input[name=plays][value=auto]", "ArrowRight")
    assert page.locator("#sources").is_visible()
    # As without a tagger.
    assert page.inner_text("#hint").startswith("Tick none where you do not know")
    page.reload()
    wait(page, READY)
    assert page.locator("#sources").is_visible()
    assert not page.is_checked("input[name=plays][value=auto]")


def test_what_is_heard_is_ticked_and_drawn_over_the_time_of_the_waveforms(page, recogniser, songs):
    said = send(page, songs / "noise.wav")
    assert any(text.startswith("listening: ") for text in said)
    card = page.locator(".song")
    assert ticked(card) == stems(card) == [recogniser.heard]
    assert card.locator(".heard legend").inner_text() == "Heard"

    heard = recogniser.listen([sounds()["noise.wav"]], RATE)
    strips = np.array(page.evaluate(STRIPS)).reshape(3, -1, 4)
    names = card.locator(".tagged .name").all_text_contents()
    of_name = {"horn": 0, "tuba": 1, "viola": 2}
    for name, strip in zip(names, strips, strict=True):
        expected = 255 * heard.activity[of_name[name]]
        # Two roundings, to percent and to what a screen can show.
        np.testing.assert_allclose(strip[:, 3], expected, atol=2.5)
    words = card.locator(".taggram [role=img]").get_attribute("aria-label")
    assert words.startswith(f"Heard over time: {names[0]} in 100 % of the time, ")
    assert words.count(" 0 % of the time") == 2

    for width in (390, 1200):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        bounds = np.array(page.evaluate(LEFT_AND_RIGHT))
        assert len(bounds) == 4
        np.testing.assert_allclose(bounds - bounds[0], 0, atol=0.5)
    strip = card.locator(".tagged .wave").first
    box = strip.bounding_box()
    strip.click(position={"x": box["width"] * 2 / 3, "y": 3})
    assert card.locator(".time").inner_text() == "0:02 of 0:03"
    marks = card.locator(".wave i").evaluate_all("all => all.map(each => each.style.left)")
    assert len(set(marks)) == 1

    # Darker on light paper, brighter on dark one.
    page.emulate_media(color_scheme="dark")
    wait(page, f"({STRIPS})[0][0] > 200")
    dark = np.array(page.evaluate(STRIPS)).reshape(3, -1, 4)
    np.testing.assert_array_equal(dark[:, :, 3], strips[:, :, 3])
    assert strips[:, :, :3].max() < 100 < 200 < dark[:, :, :3].min()


def test_others_can_be_ticked_and_the_song_separated_again(page, recogniser, songs):
    send(page, songs / "noise.wav")
    first = page.locator(".song").last
    button = first.locator(".again")
    other = next(name for name in SOURCES if name != recogniser.heard)
    box = first.locator(f".heard input[value={other}]")
    assert button.is_disabled()
    box.press("Space")
    assert button.is_enabled()
    box.press("Space")
    assert button.is_disabled()
    # None at all cannot be meant.
    first.locator(".heard input:checked").press("Space")
    assert button.is_disabled()
    box.press("Space")
    button.press("Enter")
    wait(page, "document.querySelectorAll('.player:not([hidden])').length === 2")
    again = page.locator(".song").first
    assert page.evaluate("document.activeElement === document.querySelector('.song h2')")
    assert ticked(again) == stems(again) == [other]
    assert again.locator(".heard legend").inner_text() == "Ticked by you"
    assert again.locator(".tagged").count() == 3
    # The first card says what its stems are.
    assert ticked(first) == stems(first) == [recogniser.heard]
    assert button.is_disabled()


def test_where_nothing_is_heard_the_card_says_what_to_do(page, songs):
    send(page, songs / "silence.wav")
    card = page.locator(".song")
    assert card.locator(".status").inner_text().startswith("No instrument was heard in it")
    assert ticked(card) == stems(card) == []
    assert card.locator(".take").is_hidden()
    assert card.locator(".hear").is_hidden()
    assert card.locator(".rest").inner_text() == ""
    assert card.locator(".tagged").count() == 3
    assert card.locator(".play").is_visible()
    card.locator(".heard input").first.press("Space")
    card.locator(".again").press("Enter")
    wait(page, "document.querySelectorAll('.player:not([hidden])').length === 2")
    assert stems(page.locator(".song").first) == [SOURCES[0]]
