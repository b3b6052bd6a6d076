"""What is said of scores that somebody else wrote, and refused in words."""

import json
import unicodedata

import pytest

from evaluation.scores.paired import compare
from evaluation.scores.saved import load, read_museval, task_of
from evaluation.scores.table import COLUMNS

TABLE = ",".join(COLUMNS) + "\nmodel,t,0.0,va,scored,2,1.0,2.0,3.0,,,,4.0,5.0,,,,,,,\n"


def scored(folder, described):
    (folder / "scores.csv").write_text(TABLE)
    (folder / "scores.json").write_text(described, encoding="utf-8")
    return str(folder)


def test_what_is_known_of_scores_is_read(tmp_path):
    described = {"task": "cook", "sample_rate": 8000, "evaluation": {"filter_taps": 3}}
    name = scored(tmp_path, "\ufeff" + json.dumps(described))
    run = load(name)
    assert len(run.rows) == 1
    assert run.settings == {"sample_rate": 8000, "filter_taps": 3}
    assert task_of(name) == task_of(f"{name}/scores.csv") == "cook"
    (tmp_path / "scores.json").unlink()
    assert load(name).settings == {}
    assert task_of(name) == "separation"


@pytest.mark.parametrize(("track", "source"), [("Café", "va"), ("t", "Flöte"), ("ÅØ/é", "ñ")])
def test_runs_of_a_mac_and_of_others_have_the_same_names(tmp_path, track, source):
    runs = []
    for form in ("NFD", "NFC"):
        folder = tmp_path / form
        folder.mkdir()
        row = f"model,{track},0.0,{source},scored,2,1.0,,,,,,,,,,,,,,\n"
        text = ",".join(COLUMNS) + "\n" + unicodedata.normalize(form, row)
        (folder / "scores.csv").write_text(text, encoding="utf-8")
        runs.append(load(str(folder)))
    assert runs[0].rows == runs[1].rows
    assert runs[1].rows[0].track == track
    compared = compare(runs, "sdr")
    assert compared.tracks == [track]
    assert not compared.other_sources


@pytest.mark.parametrize(
    ("described", "message"),
    [
        ("", "is empty"),
        ("null", r"holds nothing \(null\); expected a JSON object"),
        ("[[]]", "holds a list; expected a JSON object"),
        ("{" * 70_000, "is not JSON"),
        ('{"a":' * 70_000, "more than 50 lists and objects"),
        ('{"evaluation": [1, 2]}', r"evaluation is \[1, 2\]"),
        ('{"evaluation": null}', "evaluation is None"),
        ('{"config_json": {"name": "x"}}', "config_json is {'name': 'x'}"),
        ('{"task": ["separation"]}', r"task is \['separation'\]"),
        ('{"sample_rate": "8 kHz"}', "sample_rate is '8 kHz'"),
        ('{"channels": 1e3}', "channels is 1000.0"),
    ],
)
def test_a_strange_description_is_one_sentence(tmp_path, described, message):
    name = scored(tmp_path, described)
    for read in (load, task_of):
        with pytest.raises(ValueError, match=message) as caught:
            read(name)
        assert str(caught.value).startswith(f"{name}/scores.json ")


def museval(**values):
    metrics = {"SDR": 1.0, "ISR": 2.0, "SIR": float("nan"), "SAR": float("inf")} | values
    frames = [{"time": 0.0, "duration": 1.0, "metrics": metrics}]
    return {"targets": [{"name": "vocals", "frames": frames}, {"name": "drums", "frames": frames}]}


def test_museval_may_write_what_is_no_number(tmp_path):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(museval()))
    row, _ = read_museval(path)
    assert (row.snr, row.isr, row.sir_v4, row.sar_v4) == (1.0, 2.0, None, None)


@pytest.mark.parametrize(
    "found",
    [
        None,
        [],
        {"targets": {"vocals": 1}},
        {"targets": [None]},
        {"targets": [{"name": "vocals", "frames": 3}]},
        museval(SDR="loud"),
        museval(SDR=[1]),
        museval(SDR=10**400),
    ],
)
def test_what_museval_does_not_write_is_one_sentence(tmp_path, found):
    path = tmp_path / "a.json"
    path.write_text(json.dumps(found))
    with pytest.raises(ValueError, match=r"a\.json (is no file of museval|holds)"):
        read_museval(path)
