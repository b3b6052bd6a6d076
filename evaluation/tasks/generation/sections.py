"""Makes the sections of the page of a run that makes single sounds."""

from configs import Config, GenerationSettings, GeneratorSettings
from data_prep.runtime.quantities import pluralized
from evaluation.document.numbers import percent
from evaluation.document.parts import Block, Text
from evaluation.scores import bootstrap
from evaluation.tasks.generation.report import Numbers, Report
from evaluation.tasks.generation.tables import (
    group_table,
    judged_table,
    path_table,
    resemblance_table,
    system_table,
)

DEAF = (
    "A critic taught this run: it hears no sounds, so that none can come back, and nobody knows "
    "the numbers of a sound."
)


def back_blocks(report: Report) -> list[Block]:
    """Sets the model beside its rivals, over all sounds, by class and by kit."""
    if not report.hears:
        return [Text(DEAF)]
    rows = report.systems[0].rows
    note = (
        "Log-spectral distances of unseen sounds, means over sounds. Silence is no sound at all; "
        "the medoid is one training sound, that in the middle of all; the nearest training sound "
        "is sought for each unseen one by the distance itself. "
    )
    num_kits = len({row.kit for row in rows})
    if bootstrap.why_none(num_kits):
        kits = pluralized(num_kits, "kit")
        note += f"No intervals ({kits}, fewer than {bootstrap.MIN_TRACKS})."
    else:
        note += (
            "Small below a number: its 95 % interval if other kits had been drawn (bootstrap over "
            f"kits, {bootstrap.RESAMPLES:,} resamples). Where zero is within that of a difference, "
            "two cannot be told from each other."
        )
    blocks: list[Block] = [Text(note, "note"), system_table(report.systems)]
    if len({row.tag for row in rows}) > 1:
        blocks.append(group_table(report.systems, "tag", "Class"))
    # Where each sound is a kit of its own, a table of kits would list sounds.
    if 1 < num_kits < len(rows):
        blocks.append(group_table(report.systems, "kit", "Kit"))
    return blocks


def drawn_blocks(report: Report) -> list[Block]:
    """Says how alike drawn sounds are to unseen ones."""
    alike = report.alike
    note = (
        f"{report.num_drawn:,} sounds of numbers by dice. MMD: the squared maximum mean "
        "discrepancy to the unseen sounds, about 0 where two sets are of one kind. Coverage: the "
        "share of unseen sounds that have one of the set within the distance of their "
        f"{alike.num_neighbours} nearest unseen neighbours; by sounds of the same kind "
        f"{percent(alike.expected_coverage)}; it is of {alike.num_compared:,} sounds of each set. "
        "Distances are medians of log-spectral ones. Real sounds of other kits differ, too: what "
        "training sounds reach is what to compare with."
    )
    return [Text(note, "note"), resemblance_table(alike, report.early_db)]


def referee_blocks(report: Report) -> list[Block]:
    """Says what the referee takes sounds for, and how far it can be believed."""
    measured = report.referee
    if measured is None:
        words = (
            "No referee: the training sounds are of one class, or of none, and whoever knows one "
            "class accepts everything. evaluation.evaluate --referee=RECORDS takes records of "
            "several classes to teach one."
        )
        return [Text(words)]
    referee = measured.referee
    names = ", ".join(referee.wanted)
    heard = f"It has learnt {len(referee.classes)} classes from "
    heard += f"{pluralized(referee.num_learnt, 'real sound')}"
    if measured.records:
        heard += f" of {measured.records}"
    accuracy = measured.accuracy
    trust = "There are no sounds of other kits to measure it on."
    if accuracy is not None:
        strong = percent(accuracy.balanced)
        within = ""
        if accuracy.interval is not None:
            low = percent(accuracy.interval.low)
            within = f" (95 % interval {low} to {percent(accuracy.interval.high)})"
        trust = (
            f"It is right about {strong}{within} of {pluralized(accuracy.num_sounds, 'sound')} of "
            f"{pluralized(accuracy.num_kits, 'other kit')}, the mean over classes; by dice "
            f"{percent(1 / len(referee.classes))}."
        )
    rule = f"It accepts a sound that is most probably {names}, by one half or more."
    return [Text(f"{heard}. {trust} {rule}"), judged_table(referee, report.judged)]


def numbers_blocks(report: Report) -> list[Block]:
    """Says which numbers are used, and how even paths between numbers are."""
    model = report.config.model
    assert isinstance(model, GeneratorSettings)
    blocks: list[Block] = []
    if report.numbers is not None:
        words = (
            f"{report.numbers.num_active} of {pluralized(model.latents, 'number')} differ from "
            "training sound to training sound (a variance above 0.01)."
        )
        blocks.append(Text(words + _where(report.config, report.numbers)))
    note = (
        "Paths between two drawn sounds, on the straight line between their numbers, whatever the "
        "law of these: by steps of the same length in numbers, how far apart are the sounds? A "
        "largest step of 1 is an even path. A cross-fade mixes the same two sounds."
    )
    return [*blocks, Text(note, "note"), path_table(report.walks)]


def _where(config: Config, numbers: Numbers) -> str:
    """Says where the numbers of sounds lie, where numbers by dice do not follow them."""
    task = config.task
    assert isinstance(task, GenerationSettings)
    if task.method == "autoencoder":
        return " Numbers by dice have their mean and covariance."
    # Of an even law from -1 to 1 it is the root of a third.
    dice = "0.58" if task.prior == "uniform" else "1.00"
    return (
        f" They deviate by {numbers.spread:.2f} from means that are {numbers.offset:.2f} from 0, "
        f"numbers by dice by {dice} from 0: where these numbers lie elsewhere, dice miss what was "
        f"learnt."
    )
