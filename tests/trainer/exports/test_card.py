"""What the model card says of a run."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from data_prep.storage import open_folder
from trainer.exports.card import model_card
from trainer.exports.rows import Row, merge, read_rows, to_json, to_table
from trainer.loop.workdir import load_run

RUN = Path(__file__).parents[2] / "before" / "files" / "run"
ABOUT = {
    "step": 6,
    "weights": "average",
    "takes_labels": True,
    "mixture_frames": 70001,
    "lead_frames": 55,
    "hop_frames": 65536,
}
ROW = Row("onnx", "model.onnx", 6, 2_345_678, 1.25e-7, 123.45, 9.87)


def card_of(workdir, run=None, **about):
    run = run or load_run(str(workdir))
    return model_card(str(workdir), run, {**ABOUT, **about}, 1234, [ROW])


def with_manifest(**fields):
    run = load_run(str(RUN))
    data = replace(run.manifest.config.data, splits=fields.pop("splits", "official"))
    config = replace(run.manifest.config, data=data)
    return replace(run, manifest=replace(run.manifest, config=config, **fields))


def test_it_describes_the_network_and_its_windows():
    card = card_of(RUN)
    assert card.startswith("# Model card: smoke, step 6\n")
    assert "(`wave_unet`, 1,234 weights)" in card
    assert "horn (`hn`), tuba (`tba`), viola (`va`)" in card
    assert "- `mixture` (1, 70001, 1)" in card
    assert "from frame n * 65536 - 55 of the song on" in card
    assert "1 for each source that plays, 0 for the others; or -1 throughout" in card
    assert "Weights: the moving average, of decay 0.5." in card
    assert "| ONNX   | model.onnx | 6    | 2.35 | 1.2e-07       | 123.5" in card
    assert "Weights: raw." in card_of(RUN, weights="raw")


def test_it_holds_the_whole_config():
    text = card_of(RUN).split("```json\n")[1].split("```")[0]
    assert json.loads(text)["model"]["num_levels"] == 2


def test_a_network_that_must_be_told_what_plays_says_so():
    run = load_run(str(RUN))
    run = replace(
        run,
        config=replace(
            run.config, augmentation=replace(run.config.augmentation, label_dropout=0.0)
        ),
    )
    card = card_of(RUN, run)
    assert "or -1" not in card
    assert "It must be told what plays" in card
    assert "must be told" not in card_of(RUN)


def test_composed_music_has_no_licence_and_is_a_limit():
    card = card_of(RUN)
    assert "Licence: music that `data_prep.synthetic` composed" in card
    assert "It has heard synthetic music alone" in card


@pytest.mark.parametrize(
    ("corpus", "said"),
    [
        ("musdb", "Licence: MUSDB18 may be used for academic purposes only;"),
        ("urmp", "Licence: not known to this program; ask whoever distributes urmp."),
        ("folder", "Licence: not known to this program; ask whoever distributes folder."),
        ("gone", "Licence: not known to this program; ask whoever distributes gone."),
    ],
)
def test_the_licence_of_a_corpus_is_said_where_it_is_known(corpus, said):
    card = card_of(RUN, with_manifest(corpus=corpus))
    assert said in card
    assert "synthetic music" not in card


def test_a_run_without_scores_has_what_validation_found(tmp_path):
    card = card_of(RUN)
    lines = [json.loads(line) for line in (RUN / "metrics.jsonl").read_text().splitlines()]
    (valid,) = [line for line in lines if line["kind"] == "valid" and line["step"] == 6]
    assert f"improvement {valid['improvement']:.4g}" in card
    assert "random weights" not in card
    for unmeasured in (card_of(RUN, step=5), card_of(tmp_path, load_run(str(RUN)))):
        assert "Validation" not in unmeasured
        assert "Nobody has measured how well it separates." in unmeasured
        assert "It may be no better than random weights" in unmeasured


def test_a_source_without_another_name_is_named_once():
    run = load_run(str(RUN))
    data = replace(run.config.data, sources=("drums", "vn", "vocals"))
    card = card_of(RUN, replace(run, config=replace(run.config, data=data)))
    assert "each of 3 sources: `drums`, violin (`vn`), `vocals`." in card


def test_scores_are_those_that_the_report_of_this_step_says_first(tmp_path):
    shutil.copytree(RUN, tmp_path / "run")
    for folder, text in (("6-test", "Seven dB above."), ("6-valid-raw", "Raw."), ("3-test", "No.")):
        scores = tmp_path / "run" / "evaluation" / folder
        scores.mkdir(exist_ok=True)
        head = [{"kind": "text", "text": text}, {"kind": "figures", "panels": []}]
        (scores / "report.json").write_text(json.dumps({"head": head}))
        described = {"labels": "oracle labels", "not_a_result": "it is a test."}
        (scores / "scores.json").write_text(json.dumps(described))
    card = card_of(tmp_path / "run")
    assert "On the test split, with oracle labels: Seven dB above.\n" in card
    assert "These are no results: it is a test." in card
    assert "Nobody has measured" not in card
    assert "Raw." not in card
    assert "No.\n" not in card
    assert "Raw." in card_of(tmp_path / "run", weights="raw")


def test_rows_stay_as_long_as_their_files_do(tmp_path):
    folder = open_folder(str(tmp_path))
    (tmp_path / "model.onnx").write_text("a graph")
    (tmp_path / "model.tflite").write_text("another")
    rows = [
        replace(ROW, format=name, crc32c=folder.stat(f"model.{name}").crc32c)
        for name in ("onnx", "tflite")
    ]
    (tmp_path / "exports.json").write_text(to_json(rows, ABOUT))
    assert read_rows(folder) == rows
    (tmp_path / "model.onnx").write_text("a grape")
    assert read_rows(folder) == rows[1:]
    (tmp_path / "model.tflite").unlink()
    assert read_rows(folder) == []
    (tmp_path / "exports.json").write_text('{"exports": [{"format": "onnx"}]}')
    with pytest.raises(ValueError, match=r"exports\.json is not what trainer\.export wrote"):
        read_rows(folder)


def test_a_new_row_takes_the_place_of_that_of_its_format():
    int8 = replace(ROW, format="tflite_int8")
    newer = replace(ROW, step=9)
    assert merge([int8, ROW], [newer]) == [newer, int8]
    table = to_table([newer, replace(int8, snr_db=None)])
    assert "| no error |" in table
    assert len({len(line) for line in table.splitlines() if line.startswith("|")}) == 1
