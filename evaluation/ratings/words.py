"""Says what listeners think of runs: as lines of text, and as parts of a page."""

from collections.abc import Callable, Iterator

from data_prep.runtime.quantities import pluralized
from evaluation.document.parts import Block, Cell, Column, Items, Kind, Line, Role, Table, Text
from evaluation.ratings.saved import LARGEST, WORDS
from evaluation.ratings.summary import MIN_ESTIMATES, MeanRating, Single, Summary
from evaluation.scores import bootstrap

ABOUT = (
    f"Blind ratings from 0 ({WORDS[0]}) to {LARGEST} ({WORDS[-1]}), the scale of ITU-R BS.1534. "
    "They say what these listeners think of these seconds, as no metric does, and nothing of "
    "others beyond what an interval says. Everybody uses the scale in their own way, so look at "
    "the differences, which are those within one listener and one passage. Nobody was trained and "
    "there were no anchors: do not set the means beside those of a MUSHRA test."
)

# Gives what stands for a run.
NameOf = Callable[[str], str]


def lines(summary: Summary, name_of: NameOf) -> list[str]:
    """Returns a summary as text."""
    text = [""]
    if summary.runs:
        heads = f"{'mean':>8}{'95 %':>18}{'minus A':>10}{'95 %':>18}"
        text.append(f"{f'ratings, 0 to {LARGEST}':<26}{heads}")
    for run in summary.runs:
        difference = _in_text(run.difference, "+") if run.difference else ""
        line = f"{name_of(run.name):<26}{_in_text(run.rating)}  {difference}"
        text.append(line.rstrip())
    for kind, singles in _singles(summary).items():
        for single in singles:
            means = ", ".join(
                f"{name_of(run.name)} {mean:.1f}"
                for run, mean in zip(summary.runs, single.means, strict=True)
            )
            text.append(f"{kind} {single.name}: {means} (n = {single.num_pairs})")
    return text + list(_sentences(summary))


def _in_text(rating: MeanRating, sign: str = "") -> str:
    interval = ""
    if rating.interval:
        interval = f"{rating.interval.low:{sign}.1f} to {rating.interval.high:{sign}.1f}"
    return f"{rating.mean:>{sign}8.1f}{interval:>18}"


def _singles(summary: Summary) -> dict[str, list[Single]]:
    return {"track": summary.by_track, "listener": summary.by_listener}


def _sentences(summary: Summary) -> Iterator[str]:
    """Says how many ratings there are, what is left out, and how they agree with the metric."""
    ratings = pluralized(summary.num_ratings, "rating")
    yield f"{ratings} of {pluralized(len(summary.listeners), 'listener')}"
    if summary.runs:
        times = pluralized(summary.num_pairs, "time")
        yield f"rated side by side by one listener: {times}; {_about_intervals(summary)}"
    else:
        yield "no listener rated every run in one passage, so there are no means side by side"
    if summary.num_unpaired:
        yield (
            f"not in these means: {pluralized(summary.num_unpaired, 'rating')} of passages in "
            "which the same listener did not rate every run"
        )
    if summary.reference_mean is not None:
        yield (
            f"the source itself, hidden among the sounds: {summary.reference_mean:.1f} (mean of "
            f"{pluralized(summary.num_reference, 'rating')}; far below 90, it was not told from "
            "the estimates)"
        )
    yield _about_agreement(summary)
    for file, count in summary.num_others.items():
        yield f"left out: {pluralized(count, 'rating')} in {file}, of other sounds"


def _about_intervals(summary: Summary) -> str:
    if summary.drawn:
        return f"intervals as if other {summary.drawn} had been drawn"
    return f"no interval below {bootstrap.MIN_TRACKS} tracks or listeners, each is shown"


def _about_agreement(summary: Summary) -> str:
    estimates = pluralized(summary.num_estimates, "estimate")
    if summary.rank_correlation is None:
        why = "all are alike"
        if summary.num_estimates < MIN_ESTIMATES:
            why = f"fewer than {MIN_ESTIMATES}"
        return f"no rank correlation of rating and improvement: {estimates}, {why}"
    return (
        "rank correlation of rating and improvement over the mixture, passage by passage "
        f"(Spearman): {summary.rank_correlation:+.2f}, {estimates}"
    )


def blocks(summary: Summary, name_of: NameOf) -> list[Block]:
    """Returns a summary as parts of a page."""
    found: list[Block] = [Text(ABOUT, "note")]
    if summary.runs:
        found.append(_table(summary, name_of))
    for kind, singles in _singles(summary).items():
        if singles:
            columns = [Column(name_of(run.name)) for run in summary.runs]
            listed = [
                Line(each.name, [Cell(mean, "points", n=each.num_pairs) for mean in each.means])
                for each in singles
            ]
            found.append(Table(f"rated-{kind}", kind.capitalize(), columns, [listed]))
    sentences = [f"{sentence[0].upper()}{sentence[1:]}." for sentence in _sentences(summary)]
    return [*found, Items(sentences)]


def _table(summary: Summary, name_of: NameOf) -> Table:
    """Makes the table of the means of runs, and of their differences from the first."""
    reference = name_of(summary.runs[0].name)
    columns = [Column("Mean rating"), Column(f"Minus {reference}"), Column("Ratings")]
    body = []
    for run in summary.runs:
        difference = Cell(None)
        if run.difference:
            difference = _cell(run.difference, "signed_points", "key")
        num_ratings = Cell(summary.num_pairs, "count")
        body.append(
            Line(name_of(run.name), [_cell(run.rating, "points", ""), difference, num_ratings])
        )
    return Table("ratings", "Run", columns, [body])


def _cell(rating: MeanRating, kind: Kind, role: Role) -> Cell:
    return Cell(rating.mean, kind, interval=rating.interval, role=role)
