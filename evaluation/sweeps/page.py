"""Makes the page of a table of runs: the settings of each, and what it reached."""

from collections.abc import Mapping, Sequence

from evaluation.document.parts import (
    Block,
    Cell,
    Code,
    Column,
    Document,
    Line,
    Section,
    Table,
    Text,
)
from evaluation.sweeps.combinations import Combination

# Figures by their titles.
Summary = Mapping[str, Cell]


def make_document(
    combinations: Sequence[Combination],
    summaries: Mapping[str, Summary],
    split: str,
    command: str,
) -> Document:
    """Makes everything that the page says.

    Args:
        combinations: all runs of the table.
        summaries: what was scored so far, by the names of runs.
        split: whose tracks.
        command: that made the table.
    """
    possible = [each for each in combinations if not each.refused]
    scored = [each for each in possible if each.name in summaries]
    lead = f"{len(scored)} of {len(possible)} runs are trained and scored."
    note = (
        "Every run is that of its row's settings, the others being equal; its figures are those of "
        "its own report, which says what they mean. Small below a number: its interval over "
        "tracks, where there are enough. One run of each says nothing of what another seed would "
        "give: --over train.seed=0,1,2 does."
    )
    sections = [Section("runs", "What each run reached", "Runs", [_table(scored, summaries)])]
    refused = [each for each in combinations if each.refused]
    if refused:
        sections.append(Section("refused", "What there can be no run of", "Refused", _why(refused)))
    sections.append(Section("origin", "Where it comes from", "Origin", [Code(command)]))
    title = ", ".join(dict.fromkeys(each.experiment for each in combinations))
    head: list[Block] = [Text(lead, "lead"), Text(note, "note")]
    return Document(title, f"A table of runs · {split} split", head, sections)


def _table(scored: Sequence[Combination], summaries: Mapping[str, Summary]) -> Table:
    fields = dict.fromkeys(name for each in scored for name in each.values)
    titles = dict.fromkeys(title for each in scored for title in summaries[each.name])
    columns = [Column(name, is_text=True) for name in fields]
    columns += [Column(title) for title in titles]
    lines = []
    for each in scored:
        summary = summaries[each.name]
        cells = [Cell(each.values.get(name), "text") for name in fields]
        cells += [summary.get(title, Cell(None)) for title in titles]
        lines.append(Line(each.experiment, cells))
    return Table("runs", "Experiment", columns, [lines])


def _why(refused: Sequence[Combination]) -> list[Block]:
    return [Text(f"{each.name}: {each.refused}") for each in refused]
