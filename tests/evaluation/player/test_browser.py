"""Pages that play one-shots in headless Chromium: their script is the network, the keyboard reaches
everything, nothing is asked for.
"""

import json
import re

import numpy as np
import pytest
import soundfile

from evaluation.player.making import hear_training_sounds
from tests.evaluation.player.test_page import (
    ADVERSARIAL,
    CONVOLUTIONS,
    DENSE,
    NASTY,
    make_page,
    read_page,
)
from tests.support.commands import run_command, set_flags
from trainer.loop.workdir import load_run
from trainer.networks.generator.network import make_network
from trainer.tasks.generation.making import Maker
from trainer.tasks.generation.sounds import load_sounds

RATE = 16_000
NUM_FRAMES = 1024
# How far script and network may be apart, of a full scale of 1.
TOLERANCE = 1e-3
NETWORKS = {
    "dense": [*DENSE, "model.latents=3"],
    "leaky": [*DENSE, "model.activation=leaky_relu", "model.hears=waveform"],
    "tanh": [*DENSE, "model.activation=tanh", "task.method=autoencoder"],
    "sigmoid": [*DENSE, "model.activation=sigmoid", "model.latents=1"],
    "convolutions": [*CONVOLUTIONS, "model.hears=waveform", "model.latents=2"],
    # Columns that are no multiple of four, and a dense encoder before convolutions.
    "columns": [*CONVOLUTIONS, "model.num_levels=3", "model.num_frames=576"],
}
# Sounds are short, and over before a test has looked.
KEEP_WHAT_IS_HEARD = """() => {
  const play = speaker.play.bind(speaker);
  speaker.heard = [];
  speaker.play = (sound) => {
    play(sound);
    speaker.heard.push(sound);
  };
}"""
pytestmark = pytest.mark.slow


@pytest.fixture
def open_page(browser):
    contexts = []

    def open_page(path, width=1280, height=900, script="", **options):
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.problems = []
        page.requests = []
        page.on("console", lambda message: page.problems.append(message.text))
        page.on("pageerror", lambda error: page.problems.append(str(error)))
        page.on("request", lambda request: page.requests.append(request.url))
        if script:
            page.add_init_script(script)
        page.goto(path.as_uri())
        wait(page, "'ready' in document.body.dataset")
        page.evaluate(KEEP_WHAT_IS_HEARD)
        return page

    yield open_page
    for context in contexts:
        context.close()


def wait(page, expression):
    """Until it holds; playwright's own waiting evaluates text in the page, which the page's policy
    forbids.
    """
    # Half a minute, for machines that have other things to do.
    for _ in range(1200):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"still not: {expression}")


def ask(page, kind, rows):
    """What the script of a page makes of numbers, or hears in sounds."""
    # As text: playwright takes its time for each number.
    script = """async ([kind, text]) => {
      const all = await Promise.all(JSON.parse(text).map((row) => engine[kind](row)));
      return JSON.stringify(all.map((each) => [...each]));
    }"""
    answer = page.evaluate(script, [kind, json.dumps(rows.tolist())])
    return np.array(json.loads(answer), np.float32)


def compare(page, network, latents):
    """Holds the script against the network, with numbers and with what they make."""
    sounds = np.asarray(network.decode(latents, {})["sounds"])[:, :, 0]
    # Else any sound would be as near as this one.
    assert np.abs(sounds).max() > 100 * TOLERANCE
    np.testing.assert_allclose(ask(page, "make", latents), sounds, atol=TOLERANCE, rtol=0)
    noise = np.random.default_rng(8).uniform(-1, 1, sounds[:20].shape).astype(np.float32)
    heard = np.asarray(network.encode(noise[:, :, None], {}))
    assert heard.std() > 100 * TOLERANCE
    np.testing.assert_allclose(ask(page, "hear", noise), heard, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_script_is_the_network(open_page, tmp_path, name):
    network, known = make_page(tmp_path / "a.html", NETWORKS[name], louder=2.0)
    page = open_page(tmp_path / "a.html")
    latents = np.random.default_rng(5).standard_normal((100, known.shape[1])).astype(np.float32)
    compare(page, network, latents)
    assert page.evaluate("engine.network") is None  # the worker answered
    assert page.problems == []


def test_the_script_reads_float16(open_page, tmp_path):
    make_page(tmp_path / "a.html", NETWORKS["dense"], value_bytes=2)
    page = open_page(tmp_path / "a.html")
    _, _, weights, _ = read_page(tmp_path / "a.html")
    script = """(path) =>
      JSON.stringify([...unpack(described.weights, textOf("weights")()).get(path).values])"""
    for path, values in weights.items():
        read = json.loads(page.evaluate(script, path))
        np.testing.assert_array_equal(np.array(read, np.float32), values.ravel(), path)
    # The least and the greatest numbers, those below the normal ones, and zeros.
    halves = np.array([0, 1, 1023, 1024, 31743, 0x8001, 0xFBFF], np.uint16)
    read = page.evaluate("(all) => [...floatsOfHalves(new Uint16Array(all))]", halves.tolist())
    np.testing.assert_array_equal(read, halves.view(np.float16).astype(np.float64))


@pytest.mark.parametrize(
    "script", ["window.Worker = undefined", "URL.createObjectURL = () => 'blob:none'"]
)
def test_without_a_worker_the_page_goes_on_alone(open_page, tmp_path, script):
    network, latents = make_page(tmp_path / "a.html", NETWORKS["dense"], louder=2.0)
    page = open_page(tmp_path / "a.html", script=script)
    compare(page, network, latents)
    assert page.evaluate("engine.network !== null")


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    """A run of one-shots, and its page; the sounds are noise that fades, of many colours."""
    root = tmp_path_factory.mktemp("shots")
    rng = np.random.default_rng(2)
    for number in range(16):
        time = np.arange(NUM_FRAMES - 320) / RATE
        noise = rng.standard_normal(len(time))
        noise[1:] += rng.uniform(-1, 1) * noise[:-1]
        sound = np.pad(noise * np.exp(-time / rng.uniform(0.01, 0.02)), (320, 0))
        # It ends before a one-shot does: one that is prepared again is faded again.
        sound[-100:] = 0
        sound[320] = 1.1 * np.abs(sound).max()
        soundfile.write(root / f"{number:02d}.wav", sound / sound[320], RATE, subtype="FLOAT")
    names = [f"{number:02d}.wav" for number in range(16)]
    splits = {"rule": "the last four", "train": names[:12], "valid": names[12:], "test": []}
    (root / "splits.json").write_text(json.dumps(splits), encoding="utf-8")
    small = [*DENSE, "model.latents=4"]
    flags = ["--config=one_shots", *set_flags(small)]
    records = root / "records"
    where = [f"--root={root}", f"--out={records}", f"--splits={root}/splits.json", "--workers=1"]
    done = run_command("data_prep.write", *flags, "--corpus=music", *where)
    assert done.returncode == 0, done.stderr
    steps = set_flags(["train.steps=1", "train.steps_per_call=1", "train.batch_size=2"])
    workdir = root / "run"
    done = run_command(
        "trainer.task", *flags, *steps, f"--records={records}", f"--workdir={workdir}"
    )
    assert done.returncode == 0, done.stderr
    out = root / "play.html"
    done = run_command("evaluation.play", f"--workdir={workdir}", f"--out={out}")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"page: {out}\n"
    return root, workdir, out


def test_a_run_becomes_a_page(played):
    root, workdir, out = played
    _, described, weights, numbers = read_page(out)
    run = load_run(str(workdir))
    network = make_network(run.config)
    for variable in network.variables:
        variable.assign(weights[variable.path])
    sounds = hear_training_sounds(run, Maker(run.config, network))
    assert described["names"] == sounds.names
    np.testing.assert_allclose(numbers["sounds"], sounds.latents, atol=1e-6)
    done = run_command(
        "evaluation.play", f"--workdir={workdir}", f"--out={root}/h.html", "--float16"
    )
    assert done.returncode == 0, done.stderr
    told = r"The network has [\d,]+ parameters: the page has about 0\.\d MB, its weights in float16"
    assert re.match(told, done.stdout)
    _, _, halves, numbers = read_page(root / "h.html")
    path = "generator/decoder/up/frames/kernel"
    np.testing.assert_array_equal(halves[path], weights[path].astype(np.float16))


def test_a_run_whose_records_are_gone_is_refused(played):
    root, workdir, _ = played
    records = (root / "records").rename(root / "moved")
    done = run_command("evaluation.play", f"--workdir={workdir}", f"--out={root}/none.html")
    records.rename(root / "records")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert f"{root}/records" in done.stderr
    assert not (root / "none.html").exists()
    done = run_command("evaluation.play", f"--workdir={workdir}", f"--out={root}/page")
    assert "expected a name that ends in .html" in done.stderr
    done = run_command("evaluation.play", f"--workdir={workdir}", f"--out={root}/no/page.html")
    assert done.returncode == 1
    assert f"there is no folder {root}/no for {root}/no/page.html" in done.stderr


def test_a_dropped_training_sound_lies_at_its_dot(open_page, played, tmp_path):
    root, workdir, out = played
    page = open_page(out)
    run = load_run(str(workdir))
    names, sounds = load_sounds(run.manifest, run.records, "train")
    for name, sound in zip(names[:3], sounds[:3], strict=True):
        page.set_input_files("#file", root / name)
        wait(page, f"document.querySelector('#told').textContent.startsWith('{name}: ')")
        number = page.evaluate(f"described.names.indexOf('{name}')")
        found = page.evaluate("[...latents]")
        dot = page.evaluate(f"[...sounds[{number}]]")
        np.testing.assert_allclose(found, dot, atol=0.05)
        places = page.evaluate(f"[[...map.dropped], [...map.dots[{number}].place], [...map.place]]")
        np.testing.assert_allclose(places[0], places[1], atol=0.05)
        assert places[0] == places[2]
        shown = page.locator("#numbers-found li").all_text_contents()
        np.testing.assert_allclose(
            [float(each.replace("\N{MINUS SIGN}", "-")) for each in shown], dot, atol=0.05
        )
        prepared = page.evaluate("[...own.original.sound]")
        np.testing.assert_allclose(prepared, sound, atol=2e-4)
    # At another place, softer, in two channels, at another rate: the same sound.
    twice = np.repeat(np.pad(0.3 * sounds[0], (3000, 3000))[:, None], 2, axis=1)
    soundfile.write(tmp_path / "moved.wav", twice, RATE, subtype="FLOAT")
    page.set_input_files("#file", tmp_path / "moved.wav")
    wait(page, "document.querySelector('#told').textContent.startsWith('moved.wav: ')")
    np.testing.assert_allclose(
        page.evaluate("[...latents]"), page.evaluate("[...sounds[0]]"), atol=0.05
    )
    assert page.locator("#heard-own canvas").count() == 4
    assert page.problems == []


def prepared(sound, num_frames, attack, fade):
    """A one-shot, computed another way: frame by frame."""
    peak = int(np.argmax(np.abs(sound)))
    shot = np.zeros(num_frames)
    kept = [i for i in range(len(sound)) if 0 <= i - peak + attack < num_frames]
    for i in kept:
        gain = 1.0
        left = kept[-1] - i
        if i > peak and left < fade:
            gain = left / min(fade, kept[-1] - peak)
        shot[i - peak + attack] = gain * sound[i] / abs(sound[peak])
    return shot


def test_sounds_are_prepared_as_training_sounds_are(open_page, played):
    page = open_page(played[2])
    rng = np.random.default_rng(4)
    script = """([sound, form]) => [...prepare(Float32Array.from(sound), form, "it")]"""
    form = {"num_frames": 256, "attack_frame": 20, "fade_frames": 10, "inaudible": 1e-4}
    # The peak soon and late; a sound that is too long, too short, and ends with its peak.
    for length, peak in [(600, 5), (600, 100), (600, 599), (100, 50), (30, 29), (30, 25), (1, 0)]:
        sound = rng.uniform(-0.3, 0.3, length)
        sound[peak] = -0.5
        shot = page.evaluate(script, [sound.tolist(), form])
        np.testing.assert_allclose(shot, prepared(sound, 256, 20, 10), atol=1e-6)
        assert shot[20] == -1


def test_what_is_no_sound_gets_a_sentence(open_page, played, tmp_path):
    page = open_page(played[2])
    (tmp_path / "garbage.wav").write_bytes(b"RIFF no sound")
    (tmp_path / "empty.mp3").write_bytes(b"")
    soundfile.write(tmp_path / "silent.wav", np.zeros(1000), RATE)
    for name, expected in {
        "garbage.wav": "garbage.wav is no sound that this browser can read; expected wav, flac or mp3.",
        "empty.mp3": "empty.mp3 is no sound that this browser can read; expected wav, flac or mp3.",
        "silent.wav": "silent.wav is silent; expected a sound.",
    }.items():
        page.set_input_files("#file", tmp_path / name)
        wait(page, f"document.querySelector('#told').textContent === {expected!r}")
        assert page.locator("#told.failed").count() == 1
    assert page.locator("#heard-own").is_hidden()
    assert page.evaluate("map.dropped") is None
    page.set_input_files("#file", played[0] / "00.wav")
    wait(page, "document.querySelector('#told').textContent.startsWith('00.wav: ')")
    assert page.locator("#told.failed").count() == 0


def test_nothing_is_asked_for(open_page, played, tmp_path):
    page = open_page(played[2])
    page.set_input_files("#file", played[0] / "00.wav")
    wait(page, "!isMaking && speaker.heard.length > 0")
    page.locator("#dice").click()
    wait(page, "speaker.heard.length > 1")
    assert {url for url in page.requests if not url.startswith("blob:")} == {played[2].as_uri()}
    assert page.problems == []
    # What is called like a script is none.
    make_page(tmp_path / "a.html", DENSE)
    page = open_page(tmp_path / "a.html")
    page.locator("#names").select_option(index=3)
    assert NASTY in page.locator("#where").text_content()
    assert NASTY in page.locator("#legend").text_content()
    assert page.evaluate("window.broken") is None
    page.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), {text: '1'}))"
    )
    assert any("Content Security Policy" in problem for problem in page.problems)


def test_everything_is_done_by_keyboard(open_page, played, tmp_path):
    page = open_page(played[2])
    reached = []
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("document.activeElement.id || document.activeElement.tagName"))
    buttons = ["play", "stop", "loop", "download", "dice", "middle"]
    assert reached[: 2 + len(buttons)] == ["map", *buttons, "names"]
    # The sliders, dropping, and the command that made the page.
    assert reached[8:12] == ["INPUT", "INPUT", "file", "SUMMARY"]

    place = "[...map.place]"
    width, height = page.evaluate("map.limits.map(([least, greatest]) => greatest - least)")
    page.locator("#map").focus()
    before = page.evaluate(place)
    for keys in ["ArrowRight", "Shift+ArrowUp", "ArrowUp", "Shift+ArrowLeft"]:
        page.keyboard.press(keys)
    wait(page, "!isMaking && speaker.heard.length > 0")
    moved = np.array(page.evaluate(place)) - before
    np.testing.assert_allclose(moved, [-0.09 * width, 0.11 * height], rtol=1e-3)
    assert page.evaluate("speaker.heard.at(-1) === sound")
    count = page.evaluate("speaker.heard.length")
    for key in ["Enter", "Space"]:
        page.keyboard.press(key)
    assert page.evaluate("speaker.heard.length") == count + 2
    page.keyboard.press("Escape")
    assert page.evaluate("speaker.playing") is None
    # A sound that is repeated goes on and on.
    page.keyboard.press("l")
    page.wait_for_timeout(200)
    assert page.evaluate("speaker.playing.source.loop") is True
    assert page.locator("#loop").get_attribute("aria-pressed") == "true"
    page.keyboard.press("L")
    wait(page, "speaker.playing === null")
    page.keyboard.press("r")
    wait(page, "!isMaking")
    with page.expect_download() as download:
        page.keyboard.press("d")
    download.value.save_as(tmp_path / "made.wav")
    assert re.fullmatch(
        r"one_shots -?\d+\.\d\d -?\d+\.\d\d\.wav", download.value.suggested_filename
    )
    waveform, rate = soundfile.read(tmp_path / "made.wav")
    assert rate == RATE
    np.testing.assert_allclose(waveform, page.evaluate("[...sound]"), atol=2**-15)

    page.locator("#sliders input").last.focus()
    before = page.evaluate(place)
    # Dice may lie beyond the end of a slider, where the first of these keys says nothing new.
    for key in ["Home", "End"]:
        page.keyboard.press(key)
    assert page.evaluate("coordinate(latents, 3) / spreads[3]") == pytest.approx(3, rel=1e-3)
    np.testing.assert_allclose(page.evaluate(place), before, atol=1e-5)
    page.locator("#names").focus()
    page.keyboard.press("ArrowDown")
    wait(page, "!isMaking && document.querySelector('#names').value !== ''")
    number = int(page.locator("#names").input_value())
    assert page.evaluate("[...latents]") == page.evaluate(f"[...sounds[{number}]]")
    page.locator("#middle").focus()
    page.keyboard.press("Enter")
    middle = page.evaluate(
        "[...sounds[0]].map((_, i) => sounds.reduce((sum, s) => sum + s[i], 0) / 12)"
    )
    np.testing.assert_allclose(page.evaluate("[...latents]"), middle, atol=1e-5)
    # From there the browser itself asks for a file.
    page.locator("#file").focus()
    assert page.evaluate("document.activeElement.type") == "file"
    assert page.problems == []


def test_a_press_on_a_dot_is_its_sound_and_a_drag_goes_through_between(open_page, played):
    page = open_page(played[2])
    box = page.locator("#map").bounding_box()
    x, y = page.evaluate("map.pixelsOf(map.dots[5].place)")
    page.mouse.move(box["x"] + x + 1, box["y"] + y - 1)
    page.mouse.down()
    nearest = page.evaluate("sounds.findIndex((each) => each.every((v, i) => v === latents[i]))")
    gap = page.evaluate(
        f"Math.hypot(...[0, 1].map((i) => map.pixelsOf(map.dots[{nearest}].place)[i] - [{x}, {y}][i]))"
    )
    assert nearest == 5 or gap < 4
    rest = page.evaluate("[coordinate(latents, 2), coordinate(latents, 3)]")
    page.mouse.move(box["x"] + 100, box["y"] + 120)
    page.mouse.up()
    page.mouse.move(box["x"] + 300, box["y"] + 300)
    np.testing.assert_allclose(page.evaluate("map.pixelsOf(onMap(latents))"), [100, 120], atol=0.1)
    np.testing.assert_allclose(
        page.evaluate("[coordinate(latents, 2), coordinate(latents, 3)]"), rest, atol=1e-4
    )
    wait(page, "!isMaking && speaker.heard.length > 1")


def test_a_network_that_hears_nothing_is_played_without_dots(open_page, tmp_path):
    network, _ = make_page(tmp_path / "a.html", [*CONVOLUTIONS, *ADVERSARIAL, "model.latents=9"])
    page = open_page(tmp_path / "a.html")
    assert page.locator("#file").count() == 0
    assert page.locator("#sliders input").count() == 7
    page.locator("#dice").click()
    wait(page, "!isMaking && speaker.heard.length > 0")
    drawn = np.array(page.evaluate("[...latents]"), np.float32)
    assert np.abs(drawn).max() <= 1
    made = np.asarray(network.decode(drawn[None], {})["sounds"])[0, :, 0]
    np.testing.assert_allclose(page.evaluate("[...sound]"), made, atol=TOLERANCE)
    assert page.problems == []


def test_nothing_is_wider_than_the_window(open_page, played):
    page = open_page(played[2], 320, 800)
    page.set_input_files("#file", played[0] / "00.wav")
    wait(page, "!document.querySelector('#heard-own').hidden")
    for width in (320, 390, 768):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") == width


def test_dots_and_text_stand_out(open_page, played):
    """WCAG 2.2, 1.4.3 and 1.4.11: a contrast of 4.5 or more of text, of 3 or more of what is drawn."""
    page = open_page(played[2])
    script = """(name) => {
      const probe = document.createElement("i");
      probe.style.color = `var(--${name})`;
      document.body.append(probe);
      return getComputedStyle(probe).color.match(/\\d+/g).map(Number);
    }"""

    def contrast(one, other):
        levels = sorted(luminance(page.evaluate(script, name)) for name in (one, other))
        return (levels[1] + 0.05) / (levels[0] + 0.05)

    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert (luminance(page.evaluate(script, "paper")) > 0.5) == (scheme == "light")
        assert min(contrast(f"class-{number}", "card") for number in range(8)) >= 3
        assert min(contrast(ink, "card") for ink in ("ink", "muted", "model")) >= 4.5


def luminance(colour):
    linear = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (each / 255 for each in colour)
    ]
    return float(np.dot(linear, [0.2126, 0.7152, 0.0722]))
