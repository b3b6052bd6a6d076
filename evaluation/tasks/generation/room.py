"""Scores the sounds that a run returns and those that it draws, and makes the page of it.

Axes: N sounds, T frames, Z numbers of a sound.
"""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import configs
from configs import Config, GenerationSettings
from data_prep.runtime.revision import code_revision
from evaluation.document.parts import Block, Document
from evaluation.estimates.opened_run import OpenedRun, find_training_records
from evaluation.tasks.generation import paths, reconstruction, resemblance, sounds
from evaluation.tasks.generation.document import make_document
from evaluation.tasks.generation.faults import Fault, early_db_of, find_faults
from evaluation.tasks.generation.reconstruction import System
from evaluation.tasks.generation.referee import (
    MeasuredReferee,
    make_referee,
    read_others,
    read_sets_of,
)
from evaluation.tasks.generation.report import Numbers, Report, numbers_of
from evaluation.tasks.generation.resemblance import Resemblance
from evaluation.tasks.generation.sound_sets import SoundSet, read_set
from evaluation.tasks.room import Tables
from trainer.loop.checkpoints import restore_network
from trainer.loop.metrics import read_metrics
from trainer.networks.generator.network import make_network
from trainer.tasks.generation.making import Latents, Maker
from trainer.tasks.generation.sounds import require_one_shots

OPTIONS: tuple[str, ...] = ("drawn", "referee")
SCORES_MEANS = False
_SCHEMA_VERSION = 1
# Unless another number is asked for.
_NUM_DRAWN = 500
# Of the dice.
_SEED = 0


@dataclass(frozen=True)
class _Heard:
    """Holds all sounds that figures are computed from."""

    training: SoundSet
    unseen: SoundSet
    drawn: SoundSet
    # What came back of the unseen ones, and the numbers of the training sounds; None where the run
    # hears nothing.
    back: SoundSet | None
    latents: Latents | None


def score(opened: OpenedRun, options: Mapping[str, Any], processes: int) -> Tables:  # noqa: ARG001
    """Scores a run.

    Args:
        opened: the run, and the unseen sounds.
        options: ``drawn``, how many sounds by dice; ``referee``, the folder of records from which
            a referee learns, instead of the training sounds of the run.
        processes: plays no part: it is a matter of seconds.

    Raises:
        ValueError: the training sounds are gone, there are too few sounds, or those of a referee do
            not fit.
    """
    config = opened.config
    network = make_network(config)
    restore_network(opened.workdir, network, str(opened.step), opened.weights)
    maker = Maker(config, network)
    num_drawn = int(options.get("drawn", _NUM_DRAWN))
    training, unseen = _read_sets(opened)
    # Before anything that takes long.
    referee = _make_referee(opened, options, training)
    heard = _hear(maker, training, unseen, num_drawn)
    report = _report(opened, options, maker, heard, referee)
    described = {
        "schema_version": _SCHEMA_VERSION,
        "split": opened.split,
        "step": opened.step,
        "num_drawn": num_drawn,
        "config": configs.to_json(config),
        "command": report.command,
        "code_revision": report.code_revision,
    }
    return Tables(
        files={"scores.csv": reconstruction.to_csv(report.systems)},
        described=described,
        content=report,
    )


def page(tables: Tables) -> Document:
    """Makes the page of the scores."""
    report: Report = tables.content
    return make_document(report)


def _read_sets(opened: OpenedRun) -> tuple[SoundSet, SoundSet]:
    """Reads the training sounds and those that are scored."""
    require_one_shots(opened.config, opened.manifest, opened.folder)
    folder = find_training_records(opened)
    if folder is None:
        raise ValueError(
            f"the training sounds of {opened.workdir}, which its sounds are set beside, are "
            f"neither in {' nor in '.join(opened.training_places)}; put those records back."
        )
    training = read_set(opened.training_manifest, folder, "train")
    unseen = read_set(opened.manifest, opened.folder, opened.split)
    for name, found in {"training": training, opened.split: unseen}.items():
        if len(found) < 2:
            raise ValueError(
                f"there is {len(found)} {name} sound; sets are compared from two sounds on. Write "
                f"records of more."
            )
    return training, unseen


def _make_referee(
    opened: OpenedRun, options: Mapping[str, Any], training: SoundSet
) -> MeasuredReferee | None:
    records = str(options.get("referee", ""))
    if records:
        learnt, others = read_sets_of(records, opened.config)
    else:
        learnt = training
        others = read_others(opened.manifest, opened.folder)
    return make_referee(learnt, training.classes, records, others)


def _hear(maker: Maker, training: SoundSet, unseen: SoundSet, num_drawn: int) -> _Heard:
    """Lets the run return unseen sounds, where it hears, and draw others."""
    latents = None
    back = None
    if maker.hears:
        latents = maker.hear(training.sounds)
        back = SoundSet(maker.make(maker.hear(unseen.sounds)))
    drawn = SoundSet(maker.make(maker.draw(num_drawn, _SEED, latents)))
    return _Heard(training=training, unseen=unseen, drawn=drawn, back=back, latents=latents)


def _report(
    opened: OpenedRun,
    options: Mapping[str, Any],
    maker: Maker,
    heard: _Heard,
    referee: MeasuredReferee | None,
) -> Report:
    config = opened.config
    rate = config.audio.sample_rate
    back = None if heard.back is None else heard.back.levels
    systems = reconstruction.score_systems(heard.unseen, heard.training, back)
    alike = resemblance.measure(heard.drawn, heard.training, heard.unseen)
    numbers = None if heard.latents is None else numbers_of(heard.latents)
    ends = maker.draw(2 * paths.NUM_PATHS, _SEED + 1, heard.latents)
    return Report(
        config=config,
        step=opened.step,
        split=opened.split,
        num_drawn=len(heard.drawn),
        systems=systems,
        alike=alike,
        early_db=_early_db(config, heard),
        faults=_faults(config, heard, alike, numbers),
        walks=paths.walk(maker, ends),
        numbers=numbers,
        referee=referee,
        judged=_judge(referee, heard),
        sounds=_sounds(heard, systems, rate),
        command=_command(opened, options),
        code_revision=code_revision(),
        manifest=opened.manifest,
        curves=read_metrics(opened.workdir),
        not_a_result=opened.why_no_result,
    )


def _early_db(config: Config, heard: _Heard) -> dict[str, float]:
    """Returns the median energy before the attack, by the names of sets."""
    rate = config.audio.sample_rate
    attack_secs = _task_of(config).attack_secs
    sets = {"drawn": heard.drawn, "training": heard.training, "unseen": heard.unseen}
    return {name: early_db_of(each.sounds, rate, attack_secs) for name, each in sets.items()}


def _faults(
    config: Config, heard: _Heard, alike: Resemblance, numbers: Numbers | None
) -> list[Fault]:
    return find_faults(
        drawn=heard.drawn,
        training=heard.training,
        alike=alike,
        num_active=None if numbers is None else numbers.num_active,
        sample_rate=config.audio.sample_rate,
        attack_secs=_task_of(config).attack_secs,
    )


def _task_of(config: Config) -> GenerationSettings:
    assert isinstance(config.task, GenerationSettings)
    return config.task


def _judge(referee: MeasuredReferee | None, heard: _Heard) -> dict[str, Any]:
    """Lets a referee judge the sounds by dice, those that came back, and real ones."""
    if referee is None:
        return {}
    sets = {"drawn": heard.drawn, "come back": heard.back, "unseen": heard.unseen}
    return {
        name: referee.referee.judge(each.levels) for name, each in sets.items() if each is not None
    }


def _sounds(heard: _Heard, systems: list[System], sample_rate: int) -> list[Block]:
    blocks: list[Block] = []
    if heard.back is not None:
        model, nearest, *_ = systems
        numbers = reconstruction.nearest_of(heard.unseen, heard.training)
        pairs = [
            sounds.Pair(
                track=heard.unseen.names[i],
                tag=heard.unseen.classes[i],
                lsd_db=float(model.distances[i]),
                nearest_db=float(nearest.distances[i]),
                original=heard.unseen.sounds[i],
                back=heard.back.sounds[i],
                nearest=heard.training.sounds[numbers[i]],
            )
            for i in sounds.choose(heard.unseen.classes, model.distances)
        ]
        blocks += sounds.pair_clips(pairs, sample_rate)
    drawn = heard.drawn.sounds
    blocks += sounds.drawn_clips(drawn, sample_rate)
    return [*blocks, *sounds.riddle_clips(heard.unseen, drawn, sample_rate)]


def _command(opened: OpenedRun, options: Mapping[str, Any]) -> str:
    """Returns the command that scores the same again."""
    words = ["python", "-m", "evaluation.evaluate", *opened.arguments]
    words.append(f"--drawn={options.get('drawn', _NUM_DRAWN)}")
    if "referee" in options:
        words.append(f"--referee={options['referee']}")
    return shlex.join(words)
