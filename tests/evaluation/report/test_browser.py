"""Reports in headless Chromium: nothing leaves the file, players play, the keyboard reaches
everything, it fits.
"""

import re

import numpy as np
import pytest

from configs import instruments
from evaluation.document.parts import Document, Section
from evaluation.document.render import write
from evaluation.listening.clips import Choice, ClipWaveforms, record
from evaluation.ratings.saved import read_ratings
from evaluation.report.run_page import Extras
from evaluation.tasks.generation.sound_sets import SoundSet
from evaluation.tasks.generation.sounds import riddle_clips
from tests.evaluation.report.test_comparison_page import write_run
from tests.evaluation.report.test_run_page import about, sample_rows, write_page
from tests.support.commands import run_command

RATE = 22050
pytestmark = pytest.mark.slow


def read(choice):
    time = np.arange(round((choice.stop_secs - choice.start_secs) * RATE)) / RATE
    tone = 0.1 * np.sin(2 * np.pi * 440 * time)[:, None]
    untrained = None
    if choice.why == "common":
        untrained = 0.1 * tone
    return ClipWaveforms(tone + 0.01, tone, 0.5 * tone, untrained)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    rows = sample_rows(instruments.URMP, 7, 10)
    choices = [
        Choice("common", rows[0].track, "vn", 0.0, 3.0),
        Choice("worst", rows[0].track, "vc", 1.0, 3.0, (1.5, 2.5)),
    ]
    lines = [{"step": step, "kind": "train", "loss": 1 / step} for step in range(1, 40)]
    lines += [
        {"step": step, "kind": "valid", "loss": 2 / step, "improvement": step / 10}
        for step in (20, 40)
    ]
    path = tmp_path_factory.mktemp("page") / "report.html"
    write_page(
        path, rows, about(), Extras(curves=lines, recordings=list(record(choices, read, RATE)))
    )
    return path


@pytest.fixture
def open_page(browser, path):
    contexts = []

    def open_page(width=1280, height=900, other=None, **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.problems, page.requests = [], []
        page.on("console", lambda message: page.problems.append(message.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        page.goto((other or path).as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()


def wait(page, expression):
    """Until it holds; playwright's own waiting evaluates text in the page, which the page's policy
    forbids.
    """
    for _ in range(200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"still not: {expression}")


def test_no_request_leaves_the_file(open_page, path):
    page = open_page()
    wait(page, "[...document.querySelectorAll('audio')].every(each => each.readyState >= 1)")
    assert {url for url in page.requests if not url.startswith("data:")} == {path.as_uri()}
    assert page.problems == []  # a breach of the page's policy would be one
    images = page.evaluate("[...document.images].map(each => each.naturalWidth)")
    assert len(images) == 9
    assert all(images)


def test_the_policy_lets_no_other_script_run(open_page):
    page = open_page()
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<img src=data:, onerror=\"window.broken = "
        "1\">')"
    )
    page.evaluate(
        "const s = document.createElement('script'); s.text = 'window.broken = 1'; "
        "document.body.append(s)"
    )
    page.wait_for_timeout(200)
    assert page.evaluate("window.broken") is None
    assert any("Content Security Policy" in problem for problem in page.problems)


def test_players_play_one_at_a_time_and_go_on_at_the_same_moment(open_page):
    page = open_page()
    assert page.locator("audio").count() == 6
    for number in range(6):
        page.evaluate(f"document.querySelectorAll('audio')[{number}].play()")
        wait(page, f"document.querySelectorAll('audio')[{number}].currentTime > 0.2")
        playing = page.evaluate("[...document.querySelectorAll('audio')].map(each => !each.paused)")
        assert playing == [each == number for each in range(6)]
    durations = page.evaluate("[...document.querySelectorAll('audio')].map(each => each.duration)")
    assert durations == pytest.approx([3, 3, 3, 2, 2, 2], abs=0.01)
    page.evaluate(
        "{const a = document.querySelectorAll('audio')[0]; a.currentTime = 2.0; a.play()}"
    )
    wait(page, "document.querySelectorAll('audio')[0].currentTime > 2.1")
    reached = page.evaluate(
        """async () => {
          const other = document.querySelectorAll("audio")[2], started = performance.now();
          other.currentTime = 0;
          await other.play();
          while (other.currentTime < 2 && performance.now() - started < 1500) await new Promise(requestAnimationFrame);
          return other.currentTime;
        }"""
    )
    assert reached > 2  # by itself it would be at 1.5 at most


def test_a_blind_order_can_be_drawn_and_revealed(open_page):
    page = open_page()
    button = page.locator("button").first
    clip = page.locator(".clip").first
    names = clip.locator(".name").all_text_contents
    assert names() == ["mixture", "reference", "estimate"]
    first = []
    for _ in range(20):
        button.click()
        assert names() == ["mixture", "A", "B"]
        assert clip.locator(".judged .picture").first.is_hidden()
        assert clip.locator(".judged .level").first.is_hidden()
        labels = clip.locator("audio").evaluate_all(
            "list => list.map(each => each.getAttribute('aria-label'))"
        )
        assert labels == ["violin, mixture", "violin, A", "violin, B"]
        sounds = clip.locator(".judged audio").evaluate_all("list => list.map(each => each.src)")
        button.click()
        assert sorted(name[4:] for name in names()[1:]) == ["estimate", "reference"]
        assert [name[:4] for name in names()[1:]] == ["A = ", "B = "]
        assert clip.locator(".judged .picture").first.is_visible()
        revealed = clip.locator(".judged .take").evaluate_all(
            "list => list.map(each => each.dataset.name)"
        )
        assert [name[4:] for name in names()[1:]] == revealed
        assert sounds == clip.locator(".judged audio").evaluate_all(
            "list => list.map(each => each.src)"
        )
        told = clip.locator(".told").text_content()
        assert told == f"A was {revealed[0]}, B was {revealed[1]}."
        first.append(revealed[0])
    assert set(first) == {
        "reference",
        "estimate",
    }  # one of them twenty times in a row: once in half a million


def test_what_training_changed_is_folded_and_hidden_from_who_listens_blind(open_page):
    page = open_page()
    clip = page.locator(".clip").first
    pictures = clip.locator(".before img")
    assert pictures.count() == 3
    assert pictures.first.is_hidden()
    clip.locator("summary").click()
    assert pictures.first.is_visible()
    clip.locator("button").click()
    assert pictures.first.is_hidden()
    clip.locator("button").click()
    assert pictures.first.is_visible()


def test_the_keyboard_reaches_everything(open_page):
    page = open_page()
    # Nothing can be saved yet, nor rated.
    wanted = "a[href], button:enabled, input:enabled, audio, summary, .scroll"
    page.evaluate(
        f"document.querySelectorAll('{wanted}').forEach((each, i) => each.dataset.stop = i)"
    )
    num_stops, reached = page.locator(wanted).count(), set()
    for _ in range(20 * num_stops):  # a player has several stops of its own
        page.keyboard.press("Tab")
        stop = page.evaluate("document.activeElement?.dataset?.stop")
        if stop is not None:
            reached.add(int(stop))
            style, tag = page.evaluate(
                "[getComputedStyle(document.activeElement).outlineStyle, "
                "document.activeElement.tagName]"
            )
            assert (
                style != "none" or tag == "AUDIO"
            )  # the browser marks the part of a player that has the focus
        if len(reached) == num_stops:
            break
    assert reached == set(range(num_stops))
    button = page.locator("button").first
    button.focus()
    page.keyboard.press("Enter")
    assert button.text_content() == "Reveal"
    page.keyboard.press("Enter")
    page.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert page.locator("details").first.evaluate("each => each.open")
    page.locator("audio").first.focus()
    page.keyboard.press("Space")
    wait(page, "document.querySelector('audio').currentTime > 0.05")


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two runs, and the page of their comparison."""
    root = tmp_path_factory.mktemp("two")
    runs = [
        write_run(root / name, seed, num_tracks=2) for seed, name in enumerate(["film", "gate"])
    ]
    page = root / "compared.html"
    assert run_command("evaluation.compare", *runs, f"--report={page}").returncode == 0
    return runs, page


def rate(page, clip, presses):
    """Rates the takes of a clip in their blind order, by the keyboard alone."""
    clip.locator("button").focus()
    page.keyboard.press("Enter")
    for take, (key, times) in zip(clip.locator(".judged .take").all(), presses, strict=True):
        rating = take.locator(".rating input")
        assert rating.is_disabled()
        assert take.locator("output").text_content() == "play it first"
        take.locator("audio").focus()
        page.keyboard.press("Space")
        wait(page, "document.querySelectorAll('.blind .rating input:enabled').length > 0")
        page.wait_for_timeout(100)
        assert rating.get_attribute("aria-valuetext") == "not rated yet"
        rating.focus()
        for _ in range(times):
            page.keyboard.press(key)


def test_ratings_are_given_by_keyboard_stay_and_are_compared(open_page, two, tmp_path):
    runs, path = two
    page = open_page(other=path)
    first, second = page.locator(".clip").all()
    assert page.locator(".rating").first.is_hidden()
    save, start_over = page.locator(".form button").all()
    assert save.is_disabled()
    page.locator(".form input").fill('Ann, "the ear"')
    # 50 + 23, and 50 - 40.
    rate(page, first, [("ArrowRight", 23), ("PageDown", 4)])
    outputs = page.locator(".form .told").text_content
    assert outputs() == "2 of 4 sounds are rated."
    given = first.locator("output").all_text_contents()
    assert given == ["73, good", "10, bad"]
    assert first.locator(".name").all_text_contents()[2:] == ["A", "B"]
    sounds = first.locator(".judged audio").evaluate_all("list => list.map(each => each.src)")

    # Still blind, in the same order.
    page.reload()
    assert first.locator("output").all_text_contents() == given
    assert first.locator(".name").all_text_contents()[2:] == ["A", "B"]
    assert sounds == first.locator(".judged audio").evaluate_all("list => list.map(e => e.src)")
    assert page.locator(".form input").input_value() == 'Ann, "the ear"'
    rate(page, second, [("Home", 1), ("End", 1)])
    second.locator("button").click()
    assert second.locator(".told").text_content().endswith("(100).")
    page.keyboard.press("Tab")
    with page.expect_download() as download:
        save.focus()
        page.keyboard.press("Enter")
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    assert page.problems == []
    assert {url.split(":")[0] for url in page.requests} <= {"file", "data", "blob"}

    ratings = read_ratings(saved)
    assert [(each.source, each.listener, each.track) for each in ratings] == [
        (source, 'Ann, "the ear"', "a track") for source in ("va", "va", "vn", "vn")
    ]
    assert sorted(each.rating for each in ratings[:2]) == [10, 73]
    assert {(each.rating, each.order_heard) for each in ratings[2:]} == {(0, 1), (100, 2)}
    by_system = {(each.source, each.system): each.rating for each in ratings}
    shown = dict(re.findall(r"was (\w+) \((\d+)\)", second.locator(".told").text_content()))
    assert {name: float(text) for name, text in shown.items()} == {
        name: by_system["vn", name] for name in ("film", "gate")
    }
    done = run_command("evaluation.compare", *runs, f"--ratings={saved}")
    means = [(by_system["va", name] + by_system["vn", name]) / 2 for name in ("film", "gate")]
    assert f"track a track: A {means[0]:.1f}, B {means[1]:.1f} (n = 2)" in done.stdout

    page.on("dialog", lambda dialog: dialog.accept())
    start_over.click()
    assert outputs() == "0 of 4 sounds are rated."
    assert page.locator(".form input").input_value() == ""


def test_a_report_of_one_run_takes_ratings_too(open_page, tmp_path):
    page = open_page()
    rate(page, page.locator(".clip").first, [("End", 1), ("Home", 1)])
    with page.expect_download() as download:
        page.locator(".form button").first.click()
    download.value.save_as(tmp_path / "ratings.csv")
    ratings = read_ratings(tmp_path / "ratings.csv")
    assert {each.system for each in ratings} == {"reference", "estimate"}


def test_what_was_kept_and_damaged_is_begun_anew(open_page):
    page = open_page()
    for damaged in ['{"clips": {"clip-0": {"order": [7], "blind": true}}}', '"x"', "{"]:
        page.evaluate(f"localStorage.setItem(stored, {damaged!r})")
        page.reload()
        assert page.locator(".form .told").text_content() == "0 of 4 sounds are rated."
        assert page.locator(".clip button").first.text_content() == "Listen blind"
    assert page.problems == []


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_is_wider_than_the_window(open_page, width):
    page = open_page(width, 800)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
    assert page.locator(".before img").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    page.locator(".clip button").first.click()
    assert page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_page(open_page, scheme):
    """WCAG 2.2, 1.4.3: a contrast of 4.5 or more."""
    page = open_page(color_scheme=scheme)
    channels = """name => {
      const probe = document.createElement("i"); probe.style.color = `var(${name})`; document.body.append(probe);
      return getComputedStyle(probe).color.match(/\\d+/g).map(Number);
    }"""
    colours = {
        name: page.evaluate(channels, f"--{name}")
        for name in ("paper", "card", "ink", "muted", "model", "warn")
    }
    for text, ground in [
        ("ink", "paper"),
        ("muted", "paper"),
        ("model", "paper"),
        ("ink", "card"),
        ("ink", "warn"),
    ]:
        lighter, darker = sorted(
            (luminance(colours[text]), luminance(colours[ground])), reverse=True
        )
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, (text, ground)
    assert (luminance(colours["paper"]) > 0.5) == (scheme == "light")


def luminance(colour):
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (each / 255 for each in colour)
    ]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))


def test_print_shows_what_is_folded_and_hides_what_paper_cannot_do(open_page):
    page = open_page()
    page.emulate_media(media="print")
    assert page.locator("audio").first.is_hidden()
    assert page.locator("button").first.is_hidden()
    assert page.locator("nav").is_hidden()
    assert page.locator("details pre").first.bounding_box()["height"] > 100
    assert page.pdf(format="A4")[:4] == b"%PDF"


def test_pictures_have_alternatives(open_page):
    page = open_page()
    assert page.locator("img:not([alt]), img[alt='']").count() == 0
    shown = page.locator("svg:not([aria-hidden])").count()
    assert shown == 0  # each lies in an element with a text alternative
    assert page.locator("[role=img]:not([aria-label])").count() == 0


def test_a_page_without_ratings_hides_names_and_keeps_nothing(open_page, tmp_path):
    noise = np.random.default_rng(0).normal(0, 0.1, (12, 2000)).astype(np.float32)
    blocks = riddle_clips(SoundSet(noise[:6]), noise[6:], RATE)
    paths = [tmp_path / f"{name}.html" for name in ("one", "other")]
    for each in paths:
        write(each, Document("riddles", "", [], [Section("sounds", "Sounds", "Sounds", blocks)]))
    page = open_page(other=paths[0])
    names = "[...document.querySelectorAll('.clip')[0].querySelectorAll('.name')]"
    names += ".map(each => each.textContent)"
    assert page.evaluate(names) == ["real 1", "real 2", "drawn 1", "drawn 2"]
    page.locator("button", has_text="Listen blind").first.click()
    assert page.evaluate(names) == ["A", "B", "C", "D"]
    page.locator("button", has_text="Reveal").first.click()
    revealed = page.evaluate(names)
    assert sorted(name.split(" = ")[1] for name in revealed) == [
        *("drawn 1", "drawn 2", "real 1", "real 2"),
    ]
    # Another run's page, in the same browser, has riddles of its own.
    page.goto(paths[1].as_uri())
    assert page.evaluate(names) == ["real 1", "real 2", "drawn 1", "drawn 2"]
    assert page.problems == []
