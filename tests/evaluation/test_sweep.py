"""Tables of runs: which runs there are, and the page that sets them beside each other."""

import pytest

from evaluation.document.as_json import read_summary, to_json_object
from evaluation.document.parts import Cell, Document
from evaluation.document.render import to_markdown
from evaluation.scores.bootstrap import Interval
from evaluation.sweeps.combinations import combine
from evaluation.sweeps.page import make_document


def test_a_table_has_every_combination_of_every_experiment():
    over = ["task.num_clips=2,3", "train.seed=0,1"]
    runs = combine(["smoke_ordering", "ordering_dense"], over, ["train.steps=10"])
    assert [run.name for run in runs[:3]] == [
        "smoke_ordering num_clips=2 seed=0",
        "smoke_ordering num_clips=2 seed=1",
        "smoke_ordering num_clips=3 seed=0",
    ]
    assert len({run.name for run in runs}) == 8
    assert runs[-1].overrides == ["task.num_clips=3", "train.seed=1"]
    assert not any(run.refused for run in runs)


def test_the_five_runs_of_the_first_publication_are_a_table():
    names = ["579521", "989518", "687286", "808202", "839001"]
    runs = combine([f"published_{name}" for name in names], [], [])
    assert [run.name for run in runs] == [f"published_{name}" for name in names]
    assert not any(run.refused for run in runs)


def test_a_path_among_the_values_is_one_folder():
    first, second = combine(["smoke"], ["train.begin_from=../a/b,gs://a/b"], [])
    assert first.name == "smoke begin_from=..%2Fa%2Fb"
    assert "/" not in second.name
    assert second.overrides == ["train.begin_from=gs://a/b"]


def test_what_there_can_be_no_run_of_is_named():
    _, run = combine(["smoke_ordering"], ["task.clip_secs=0.2,0.001"], [])
    assert run.refused.startswith("task.clip_secs is 0.001; expected from 0.01")


@pytest.mark.parametrize(
    ("over", "shared", "sentence"),
    [
        (["train.seed"], [], "expected section.field=a,b,c"),
        (["train.seed=1,1"], [], "with values that differ"),
        (["train.seed=1,"], [], "expected section.field=a,b,c"),
        (["train.seed=1", "train.seed=2"], [], "names train.seed twice"),
        (["train.sed=1,2"], [], "no run of the table can be: train has no field 'sed'"),
        ([], ["train.steps=0"], "train.steps is 0"),
    ],
)
def test_a_table_that_makes_no_sense_is_one_sentence(over, shared, sentence):
    with pytest.raises(ValueError, match=sentence):
        combine(["smoke_ordering"], over, shared)


def test_the_page_has_the_settings_and_figures_of_each_run_and_names_the_rest():
    runs = combine(["smoke_ordering"], ["task.clip_secs=0.2,0.5,0.001"], [])
    first, second, _ = runs
    summary = {"Solved": Cell(0.5, "share", interval=Interval(0.4, 0.6))}
    page = to_markdown(make_document(runs, {first.name: summary}, "test", "python -m command"))
    assert "1 of 2 runs are trained and scored." in page
    assert "| 0.2 | 50.0% (40.0% to 60.0%) |" in page
    assert "expected from 0.01 to 6" in page
    page = make_document(runs, {run.name: summary for run in (first, second)}, "test", "")
    (table,) = page.sections[0].blocks
    assert [[cell.text for cell in line.cells] for line in table.lines] == [
        ["0.2", "50.0%"],
        ["0.5", "50.0%"],
    ]


def test_figures_of_a_report_are_read_as_they_were_written():
    summary = [
        ("F1", Cell(0.25, "share", interval=Interval(0.125, 0.5), n=3)),
        ("Improvement", Cell(-1.5, "signed_db")),
        ("Nothing", Cell(None, "share")),
    ]
    values = to_json_object(Document("a", "b", [], summary=summary))
    assert read_summary(values, "report.json") == summary


@pytest.mark.parametrize("values", [{}, {"summary": [{"title": "F1"}]}, {"summary": 3}])
def test_a_report_without_figures_is_one_sentence(values):
    with pytest.raises(ValueError, match=r"report.json has no figures for a table .*score that"):
        read_summary(values, "report.json")
