"""How large the bodies of a tagger are: by formula, as published, and as docs/tagging.md says."""

import re
from pathlib import Path

import configs
from trainer.networks import make_network
from trainer.networks.tagger.bodies import BODIES

PAGE = (Path(__file__).parents[4] / "docs" / "tagging.md").read_text(encoding="utf-8")


def dense(num_inputs, num_outputs):
    return (num_inputs + 1) * num_outputs


def image(taps, num_inputs, num_filters):
    return (taps * num_inputs + 1) * num_filters


def lstm(num_inputs, units):
    return 4 * units * (num_inputs + units + 1)


def gru(num_inputs, units):
    return 3 * units * (num_inputs + units + 1)


def numbers_of_blstm(model, num_answers):
    total = 2 * model.num_bands
    num_inputs = model.num_bands
    for units in model.units:
        total += 2 * lstm(num_inputs, units)
        num_inputs = 2 * units
    return total + dense(num_inputs, num_answers)


def numbers_of_multi_kernel(model, num_answers):
    first = 2 * image(60, 1, 7) + image(9, 1, 7)
    return first + image(9, 21, 21) + dense(model.num_bands // 4 * 21, num_answers)


def numbers_of_crnn(model, num_answers):
    images = image(9, 1, 21) + 3 * image(9, 21, 21)
    return images + gru(model.num_bands // 64 * 21, 41) + gru(41, 41) + dense(41, num_answers)


def numbers_of_singing_cnn(model, num_answers):
    first = 2 * model.num_bands + image(9, 1, 64) + image(9, 64, 32)
    second = image(9, 32, 128) + image(9, 128, 64)
    bands = ((model.num_bands - 4) // 3 - 4) // 3
    return first + second + dense(11 * bands * 64, 256) + dense(256, 64) + dense(64, num_answers)


def numbers_of_musicnn(model, num_answers):
    timbre = sum(image(7 * int(share * model.num_bands), 1, 204) for share in (0.4, 0.7))
    rhythm = sum(image(columns, 1, 51) for columns in (128, 64, 32))
    middle = image(7, 561, 64) + 2 * image(7, 64, 64)
    scalings = 1 + 2 * 204 + 3 * 51 + 3 * 64 + 2 * 753 + 200
    return timbre + rhythm + middle + dense(1506, 200) + dense(200, num_answers) + 2 * scalings


def numbers_of_vgg(model, num_answers):
    assert model.num_bands // 64 == 1
    images = image(9, 1, 128) + 4 * image(9, 128, 128)
    return images + 2 * (1 + 5 * 128) + dense(2 * 128, num_answers)


NUMBERS = {
    "blstm": numbers_of_blstm,
    "cnn1d": lambda model, num: image(8, model.num_bands, 30) + dense(30, num),
    "cnn3x3": lambda model, num: (
        image(9, 1, 10) + image(9, 10, 20) + dense(model.num_bands // 4 * 20, num)
    ),
    "multi_kernel": numbers_of_multi_kernel,
    "crnn": numbers_of_crnn,
    "singing_cnn": numbers_of_singing_cnn,
    "musicnn": numbers_of_musicnn,
    "vgg": numbers_of_vgg,
    "vgg_msd": numbers_of_vgg,
}


def test_published_networks_have_their_sizes():
    network = make_network(configs.load("singing_cnn", ["data.sources=vocals"]))
    # The scale and the shift of each band stand for constants there.
    assert network.count_params() == 1_408_225 + 2 * 80
    assert NUMBERS["singing_cnn"](network.settings, 1) == 1_408_225 + 2 * 80
    assert NUMBERS["blstm"](configs.load("singing_blstm").model, 1) == 65_601 + 2 * 80
    # 792,079 numbers are in its checkpoint, the statistics of 2,460 features among them.
    assert NUMBERS["musicnn"](configs.load("musicnn").model, 50) == 792_079 - 2 * 2460


def test_the_counts_of_the_page_are_those_of_the_formulas():
    rows = re.findall(r"^\| `(\w+)` \| .* \| `(\w+)`.* \| ([\d,]+) \| [\d.,]+ \|$", PAGE, re.M)
    assert sorted(body for body, _, _ in rows) == sorted(BODIES)
    for body, experiment, count in rows:
        if body == "dilated":
            continue
        # As the page has it, for records whose context is that of smoke_mask.
        sizes = ["model.num_bands=64", "model.hop_frames=256", "model.column_hops=16"]
        if experiment != "smoke_tagger":
            sizes = []
        config = configs.load(experiment, [f"model.body={body}", *sizes])
        num_answers = 50 if experiment == "musicnn" else len(config.data.sources)
        assert int(count.replace(",", "")) == NUMBERS[body](config.model, num_answers), body
