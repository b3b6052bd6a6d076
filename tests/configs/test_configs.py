"""Configs: what is legal is accepted and comes back from JSON, what is not gets one sentence."""

import dataclasses
import json

import pytest

import configs
from configs.splits import load_splits


@pytest.mark.parametrize("name", configs.experiments())
def test_every_experiment_carries_its_file_name_and_survives_json(name):
    config = configs.load(name)
    assert config.name == name
    assert configs.from_json(configs.to_json(config)) == config


def test_the_experiments_of_the_readme_exist():
    assert {"smoke", "smoke_musdb", "musdb", "urmp", "urmp_labels"} <= set(configs.experiments())


def test_overrides_of_every_type():
    config = configs.load(
        "urmp",
        [
            "train.steps=7",
            "train.learning_rate=1",
            "data.sources=vn, vc",
            "model.output=difference",
            "model.residual=vn",
            "audio.channels=2",
        ],
    )
    assert config.train.steps == 7
    assert isinstance(config.train.learning_rate, float)
    assert config.data.sources == ("vn", "vc")
    assert (config.model.output, config.model.residual) == ("difference", "vn")
    assert configs.load("smoke", ["model.gate_heads=false"]).model.gate_heads is False
    assert configs.from_json(configs.to_json(config)) == config


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("train.steps", "is not of the form section.field=value"),
        ("steps=3", "is not of the form section.field=value"),
        (
            "training.steps=3",
            "no section is called 'training'; there are audio, data, model, task, augmentation, "
            "train, evaluation",
        ),
        ("train.step=3", "train has no field 'step'; it has steps, batch_size"),
        ("train.steps=many", "train.steps is 'many'; expected a whole number"),
        ("train.steps=1.5", "train.steps is '1.5'; expected a whole number"),
        ("train.steps=0", "train.steps is 0; expected from 1 to 1,000,000,000"),
        ("train.accumulate=3", "train.accumulate is 3; expected a divisor of train.batch_size, 8"),
        ("train.rematerialise=1", "train.rematerialise is '1'; expected true or false"),
        ("train.learning_rate=nan", "train.learning_rate is nan; expected a finite number"),
        ("augmentation.min_gain=2", "augmentation.min_gain is 2.0; expected at most max_gain"),
        ("train.compute_dtype=float16", "expected one of float32, bfloat16"),
        ("model.gate_heads=1", "model.gate_heads is '1'; expected true or false"),
        ("model.estimate_frames=4096", "nearest legal sizes are 4037 and 4101"),
        ("model.conditioning=film2", "expected one of none, concat, add, scale, film, outer"),
        (
            "model.conditioning=none",
            "the legal pairs are none at none, concat at input, .* outer at bottleneck",
        ),
        (
            "augmentation.label_dropout=1.5",
            "augmentation.label_dropout is 1.5; expected from 0 to 1",
        ),
        ("model.residual=vn", "a direct output has no residual slot"),
        ("model.output=difference", "expected the name of a source"),
        ("audio.channels=3", "audio.channels is 3; expected one of 1, 2"),
        ("data.sources=vn,vn", "at least one name, each once"),
        ("data.encoding=mp3", "expected one of int16, float32"),
        ("data.context_frames=10", "the network reads 1015 frames on each side"),
        ("evaluation.hop_secs=1e-4", "hop_secs is 0.0001; expected 0, or from 0.001 to evaluation"),
        ("evaluation.hop_secs=1.5", "expected 0, or from 0.001 to evaluation.segment_secs"),
        ("train.seed=4294967296", "seed is 4294967296; expected from 0 to 4,294,967,295"),
        ("audio.sample_rate=999", "sample_rate is 999; expected from 1,000 to 655,350"),
        (
            "train.learning_rate=1e31",
            r"train.learning_rate is 1e\+31; expected from 1e-30 to 1e\+30",
        ),
        (f"train.steps={'9' * 5000}", r"train.steps is '9+\.\.\.9+'; expected a whole number"),
        ("evaluation.silent_dbfs=3", "expected a level from -80 to below 0 dB"),
    ],
)
def test_a_bad_override_is_one_sentence(override, message):
    with pytest.raises(ValueError, match=message) as caught:
        configs.load("smoke", [override])
    assert "\n" not in str(caught.value)


PLAIN = configs.to_json(configs.load("smoke", ["task.l1=1", "augmentation.max_gain=2"]))
NUMBERS = [
    (section, field)
    for section, fields in json.loads(PLAIN).items()
    if isinstance(fields, dict)
    for field, value in fields.items()
    if type(value) in (int, float)
]


@pytest.mark.parametrize(("section", "field"), NUMBERS)
def test_every_number_has_limits_in_whose_words_it_is_refused(section, field):
    """What no file of JSON can hold, the command line can."""
    values = [0, -1, 1e-300, -1e-300, 1e300, float("nan"), float("inf"), -float("inf")]
    values += [2**31, 2**32, 2**63, 10**12, 10**400, -(2**63)]
    accepted = []
    for value in values:
        tree = json.loads(PLAIN)
        tree[section][field] = value
        try:
            config = configs.from_values(tree)
        except ValueError as error:
            assert field in str(error)
            assert len(str(error)) < 300
        else:
            accepted.append(value)
            assert configs.from_json(configs.to_json(config)) == config
    most = 1e30 if type(json.loads(PLAIN)[section][field]) is float else 2**32 - 1
    assert all(abs(value) <= most for value in accepted)
    # A time is none, or one that a machine can count off.
    if field.endswith("_secs"):
        assert set(accepted) <= {0}


def test_an_unknown_experiment_lists_the_known():
    with pytest.raises(
        ValueError, match=r"there are musdb, musdb_bs_roformer, .*, published_579521, .*, smoke"
    ):
        configs.load("nonsense")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree.update(extra=1), "has no field 'extra'"),
        (lambda tree: tree.pop("name"), "needs the field 'name'"),
        (lambda tree: tree.update(train=3), "train is 3; expected an object"),
        (
            lambda tree: tree["train"].update(steps=True),
            "train.steps is True; expected a whole number",
        ),
        (
            lambda tree: tree["train"].update(steps="3"),
            "train.steps is '3'; expected a whole number",
        ),
        (
            lambda tree: tree["data"].update(sources="vn"),
            "data.sources is 'vn'; expected a list of names",
        ),
        (lambda tree: tree["data"].update(sources=["vn", 3]), "expected a list of names"),
        (lambda tree: tree["model"].update(residual=3), "expected a name or none"),
        (lambda tree: tree["model"].update(padding=None), "expected one of valid, same"),
    ],
)
def test_a_bad_json_config_is_one_sentence(change, message):
    tree = json.loads(configs.to_json(configs.load("smoke")))
    change(tree)
    with pytest.raises(ValueError, match=message):
        configs.from_json(json.dumps(tree))


@pytest.mark.parametrize("text", ["", "{", "[1]", "nul", "[" * 100_000])
def test_what_is_no_json_object_is_refused(text):
    with pytest.raises(ValueError, match="a config"):
        configs.from_json(text)


def test_differences_name_section_and_field():
    config = configs.load("smoke")
    other = dataclasses.replace(config, train=dataclasses.replace(config.train, steps=3))
    assert configs.differences(config, other) == {"train.steps": (config.train.steps, 3)}


def test_former_names_are_translated_with_a_sentence(capsys):
    former = ["train.remix=0.25", "model.form=plain", "loss.l1=0.5"]
    now = ["augmentation.remix=0.25", "model.computation=plain", "task.l1=0.5"]
    config = configs.load("smoke", former)
    assert config == configs.load("smoke", now)
    said = capsys.readouterr().err
    assert "note: train.remix is called augmentation.remix now.\n" in said
    assert len(said.splitlines()) == len(former)


def test_a_config_file_with_former_names_means_the_same():
    config = configs.load("smoke", ["task.sse=2", "augmentation.silence=0.5"])
    values = json.loads(configs.to_json(config))
    del values["task"]["kind"]
    del values["model"]["kind"]
    values["loss"] = values.pop("task")
    augmentation = values.pop("augmentation")
    # There were none then.
    for name in ("l1_snr", "level", "consistency", "loudness"):
        del values["loss"][name]
    later = ("detune_cents", "equalise_db", "context_dropout")
    for name in (*later, "note_dropout", "note_jitter_ms", "wrong_notes"):
        del augmentation[name]
    values["train"].update(augmentation)
    values["model"]["place"] = values["model"].pop("conditioned_at")
    values["model"]["form"] = values["model"].pop("computation")
    former = json.dumps(values)
    assert configs.from_json(former) == config
    assert len(configs.former_names_in(former)) == 14
    assert configs.former_names_in(configs.to_json(config)) == []


def test_a_kind_that_nobody_knows_lists_the_known():
    with pytest.raises(ValueError, match=r"model.kind is 'mask'; expected one of wave_unet"):
        configs.load("smoke", ["model.kind=mask"])
    with pytest.raises(ValueError, match=r"task.kind is 'cook'; expected one of separation"):
        configs.load("smoke", ["task.kind=cook"])


def test_a_track_belongs_to_exactly_one_split():
    splits = load_splits("synthetic")
    assert [splits.split_of(f"{i:02d}_Dawn_vn_vc") for i in (1, 13, 14, 15, 16, 18)] == [
        *["train"] * 2,
        *["valid"] * 2,
        *["test"] * 2,
    ]
    with pytest.raises(ValueError, match="stands in no list"):
        splits.split_of("19_Dawn_vn_vc")


def test_a_users_split_file(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(
        json.dumps({"rule": "by hand", "train": ["a*"], "test": ["ab"], "excluded": ["c"]})
    )
    splits = load_splits(str(path))
    assert splits.split_of("aa") == "train"
    assert splits.split_of("c") is None
    with pytest.raises(ValueError, match="train and test"):
        splits.split_of("ab")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[]", "holds a list; expected a JSON object"),
        ("{}", "must be a JSON object with the field 'rule'"),
        ('{"rule": "x", "trian": []}', "unknown field 'trian'"),
        ('{"rule": "x", "train": "a"}', "must be a list of track names"),
    ],
)
def test_a_bad_split_file(tmp_path, text, message):
    path = tmp_path / "mine.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        load_splits(str(path))


def test_unknown_splits_list_the_known():
    with pytest.raises(ValueError, match=r"none of .*synthetic"):
        load_splits("nonsense")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (
            ["task.consistency=1", "model.output=difference", "model.residual=vn"],
            r"task\.consistency is 1\.0; .*add up to the mixture by construction",
        ),
        (
            ["task.consistency=1", "model.kind=stft_mask", "model.mask=softmax"],
            r"task\.consistency is 1\.0; .*add up to the mixture by construction",
        ),
        (
            ["task.loudness=true", "audio.sample_rate=2000"],
            r"task\.loudness is True; .*audio\.sample_rate of 4000",
        ),
        (["task.mse=0", "task.loudness=true"], "at least one weight above 0"),
    ],
)
def test_terms_of_the_loss_that_have_nothing_to_teach_are_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        configs.load("smoke", ["data.context_frames=65527", *overrides])
