"""docs/model.md against the code that it describes: every option, every size, every count, and the
figure.
"""

import ast
import itertools
import re
from dataclasses import fields
from io import StringIO
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import pytest

import configs
from configs.geometry import PatchGeometry
from configs.networks import CONDITIONED_AT, WaveUNetSettings
from configs.schema import Augmentation
from configs.splits import SPLITS, load_splits, shipped_splits
from configs.tasks import SeparationSettings
from configs.training import Train
from data_prep.audio import loading, parts
from data_prep.corpora import CORPORA, OFFICIAL
from data_prep.fingerprints import leaks
from docs import model_figure

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
SVG = (ROOT / "docs" / "model.svg").read_text(encoding="utf-8")
OPTIONS = {
    **{f"model.{field.name}": field.default for field in fields(WaveUNetSettings)},
    **{f"task.{field.name}": field.default for field in fields(SeparationSettings)},
    **{
        f"augmentation.{name}": getattr(Augmentation(), name)
        for name in ("label_dropout", "note_dropout", "note_jitter_ms", "wrong_notes")
    },
    "augmentation.context_dropout": Augmentation().context_dropout,
    "train.compute_dtype": Train().compute_dtype,
}


def tables():
    """Every table of the page: its rows, each a dictionary from the heads of the columns to the
    cells.
    """
    for block in re.findall(r"(?:^\|.*\n)+", PAGE, re.MULTILINE):
        head, _, *rows = (
            [cell.strip() for cell in line.strip("|").split("|")] for line in block.splitlines()
        )
        assert all(len(row) == len(head) for row in rows)
        yield [dict(zip(head, row, strict=True)) for row in rows]


def rows_with(*columns):
    """The rows of the tables that have these columns."""
    rows = [row for table in tables() for row in table if set(columns) <= set(row)]
    assert rows
    return rows


def test_every_option_has_one_row_with_its_default():
    rows = [
        (row["field"].strip("`"), row["default"])
        for row in rows_with("field", "default", "meaning", "reference")
    ]
    assert len(dict(rows)) == len(rows)
    assert dict(rows) == {name: str(value).lower() for name, value in OPTIONS.items()}


def test_what_is_cited_is_listed_and_the_other_way_round():
    text, references = PAGE.split("## References")
    listed = re.findall(r"^- ([^:]+): ", references, re.MULTILINE)
    assert set(re.findall(r"\b(?:Le )?[A-Z][A-Za-z]+ 20\d\d\b", text)) == set(listed)
    assert len(set(listed)) == len(listed)


def test_the_legal_pairs_are_those_of_the_code():
    rows = {row["kind"].strip("`"): row for row in rows_with("kind", "input")}
    places = {place for places in CONDITIONED_AT.values() for place in places} - {"none"}
    legal = {kind: {place for place in places if row[place] == "yes"} for kind, row in rows.items()}
    assert legal == {kind: set(places) - {"none"} for kind, places in CONDITIONED_AT.items()}


def test_the_sizes_are_those_of_the_geometry():
    for row in rows_with("mixture_frames"):
        arguments = [int(row[name]) for name in ("L", "kd", "ku")]
        geometry = PatchGeometry(*arguments, row["padding"], int(row["estimate_frames"]))
        assert geometry.bottleneck_frames == int(row["x"])
        assert geometry.mixture_frames == int(row["mixture_frames"])
        assert geometry.context_frames == int(row["context_frames"])


def count_parameters(config):
    """The parameters of a network, from its sizes: of one that labels enter at the bottleneck or
    not at all.
    """
    model, num_channels, num_slots = config.model, config.audio.channels, len(config.data.sources)
    kind, levels = model.conditioning, range(1, model.num_levels + 1)
    assert kind in ("none", "film", "outer")

    def convolution(kernel, features, filters):
        return (kernel * features + 1) * filters

    features = [
        num_channels,
        *(model.num_filters * level for level in [*levels, model.num_levels + 1]),
    ]
    count = sum(convolution(model.down_kernel, a, b) for a, b in itertools.pairwise(features))
    count += 2 * num_slots * features[-1] if kind == "film" else 0
    below = [*features[2:-1], features[-1] * (num_slots if kind == "outer" else 1)]
    for level in levels:
        count += convolution(model.up_kernel, features[level] + below[level - 1], features[level])
        count += below[level - 1] if model.upsampling == "learned" else 0
    num_heads = num_slots - (model.output == "difference")
    return count + convolution(1, features[1] + num_channels, num_heads * num_channels)


def documented_counts():
    return {
        name: int(row["parameters"].replace(",", ""))
        for row in rows_with("parameters")
        for name in re.findall(r"`(\w+)`", row["config"])
    }


def test_the_parameter_counts_are_those_of_the_sizes():
    for name, count in documented_counts().items():
        assert count_parameters(configs.load(name)) == count, name


def test_the_parameter_counts_are_those_that_networks_are_tested_against():
    tree = ast.parse(
        (ROOT / "tests/trainer/networks/test_wave_unet.py").read_text(encoding="utf-8")
    )
    (counts,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and [ast.unparse(target) for target in node.targets] == ["COUNTS"]
    )
    assert counts.items() <= documented_counts().items()


def texts(svg):
    return [
        "".join(element.itertext())
        for element in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")
    ]


def test_the_figure_is_the_one_that_the_code_draws():
    with matplotlib.rc_context(model_figure.SETTINGS):
        drawn = StringIO()
        model_figure.draw(configs.load(model_figure.NAME)).savefig(drawn, format="svg")
    assert texts(SVG) == texts(drawn.getvalue()), "run python docs/model_figure.py"


def test_the_figure_holds_every_size():
    geometry = configs.load(model_figure.NAME).model.window()
    levels = range(1, geometry.num_levels + 1)
    sizes = {geometry.mixture_frames, geometry.estimate_frames, geometry.bottleneck_frames}
    sizes |= {geometry.encoder_frames(level) for level in [*levels, geometry.num_levels + 1]}
    sizes |= {geometry.skip_frames(level) for level in levels}
    assert {str(size) for size in sizes} <= set(re.findall(r"\d+", " ".join(texts(SVG))))


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)]+)\)", PAGE))
def test_every_link_leads_somewhere(target):
    assert (ROOT / "docs" / target).exists()


DATA_PAGE = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")


def test_the_split_file_of_the_data_page_is_one(tmp_path):
    (tmp_path / "mine.json").write_text(re.search(r"```json\n(.*?)```", DATA_PAGE, re.DOTALL)[1])
    splits = load_splits(str(tmp_path / "mine.json"))
    assert [splits.split_of(name) for name in ("song 1", "b-side", "live 2", "draft 3")] == [
        *SPLITS,
        None,
    ]
    assert [splits.label_of(name) for name in ("Lead 2.wav", "click.wav", "bass.flac")] == [
        "voice",
        None,
        "band",
    ]


def test_the_data_page_names_every_corpus_and_splits():
    rows = [
        line.split("|")[1:4]
        for line in DATA_PAGE.splitlines()
        if line.startswith("| `") and "--" not in line
    ]
    assert {row[0].strip(" `") for row in rows} == set(CORPORA)
    named = {word for row in rows for word in re.findall(r"`(\w+)`", row[2])}
    assert named == (set(shipped_splits()) - {"synthetic"}) | {OFFICIAL}


def test_the_thresholds_of_the_data_page_are_those_of_the_code():
    assert f"above {leaks.MIN_CORRELATION} over all" in DATA_PAGE
    assert (
        f"above {loading.MAX_RESIDUAL_DB:.0f} dB, for stem files above "
        f"{loading.MAX_RESIDUAL_DB_CODED:.0f} dB" in DATA_PAGE
    )
    assert f"more than {100 * parts.MAX_CLIPPED:.1f} % of a file" in DATA_PAGE


@pytest.mark.parametrize("line", re.findall(r"^python -m .*", DATA_PAGE, re.MULTILINE))
def test_the_commands_of_the_data_page_have_these_flags(line):
    module, *flags = line.partition("#")[0].split()[2:]
    source = (ROOT / module.replace(".", "/")).with_suffix(".py").read_text(encoding="utf-8")
    for flag in (flag for flag in flags if flag.startswith("--")):
        assert re.search(rf'DEFINE_\w+\(\s*"{flag.split("=")[0].removeprefix("--")}"', source), flag
