"""Says whose estimates they are, those of runs or of random weights; refuses what cannot be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import configs
from configs import Config
from configs.instruments import RESERVED
from evaluation.estimates.wiener_flag import require_filter
from evaluation.songs.choice import REST
from trainer.inference.averaged_runs import find_runs
from trainer.inference.memory import MEMORY_MB
from trainer.inference.passes import passes_of

# It imports TensorFlow, for which a command that is refused does not wait.
if TYPE_CHECKING:
    from evaluation.recognition.recogniser import Recogniser
    from trainer.inference.base import BaseSeparator


Asked = Literal["names", "heard", "everything", "recordings"]


@dataclass(frozen=True)
class NamedNetwork:
    """Names a network that is known to be there, before anything slow is imported.

    It may be several, whose estimates are averaged.
    """

    # Of the first.
    config: Config
    # Paths or addresses of the runs; none: it is untrained.
    workdirs: tuple[str, ...] = ()
    # Of each run.
    checkpoint: str = "best"
    weights: str = "average"
    # In which each network hears a song, to be averaged.
    num_passes: int = 1
    # Of the Wiener filter over the estimates; 0: there is none.
    wiener: int = 0
    # Path or address of the run that hears which instruments play; empty: nobody listens.
    tagger: str = ""
    # What a network that answers queries is asked for: names that are told, what it says itself is
    # there, everything until little is left, or recordings.
    asked: Asked = "names"
    # The files of these by the names of what they are of.
    recordings: Mapping[str, Path] = field(default_factory=dict)

    @property
    def sources(self) -> tuple[str, ...]:
        """Returns the names of what it estimates."""
        return tuple(self.recordings) or self.config.data.sources

    @property
    def listens(self) -> bool:
        """Says whether somebody hears what plays in a song before it is separated."""
        return bool(self.tagger) or self.asked in ("heard", "everything")

    def load(self, memory_mb: float = MEMORY_MB) -> BaseSeparator:
        """Returns the network, or the mean of all, as a separator, which listens if one shall.

        Args:
            memory_mb: what a network may take for one window of a waveform, in MB.

        Raises:
            ValueError: a run has no such checkpoint, or it is damaged.
        """
        separators = self._load_all(memory_mb)
        separator = self._joined(separators)
        if self.asked != "names":
            return self._asking(separator, separators[0])
        recogniser = self.load_recogniser()
        if recogniser is None:
            return separator
        from evaluation.recognition.recognised import RecognisedSeparator

        return RecognisedSeparator(separator, recogniser)

    def load_told(self, memory_mb: float = MEMORY_MB) -> BaseSeparator:
        """Returns the network, or the mean of all, as a separator that takes labels as given.

        The arguments and errors are those of ``load``.
        """
        return self._joined(self._load_all(memory_mb))

    def _load_all(self, memory_mb: float) -> list[BaseSeparator]:
        """Returns all networks, each as a separator."""
        from trainer.tasks.separators import trained_separator, untrained_separator

        return [
            trained_separator(workdir, self.checkpoint, self.weights, memory_mb)
            for workdir in self.workdirs
        ] or [untrained_separator(self.config, memory_mb)]

    def _joined(self, separators: Sequence[BaseSeparator]) -> BaseSeparator:
        """Returns the mean of all, filtered if that is wanted."""
        from evaluation.estimates.filtered import filtered
        from trainer.inference.average import average_of

        return filtered(average_of(separators, self.num_passes), self.wiener)

    def _asking(self, separator: BaseSeparator, first: BaseSeparator) -> BaseSeparator:
        """Returns what asks a network that answers queries, the first of them for what is there."""
        from evaluation.recognition.recognised import RecognisedSeparator
        from evaluation.songs import queries
        from trainer.tasks.query.presence import threshold_of
        from trainer.tasks.query.separator import QuerySeparator

        assert isinstance(first, QuerySeparator)
        threshold = 0.5
        if self.workdirs:
            threshold = threshold_of(self.workdirs[0], first.step, self.weights)
        recogniser = queries.PresenceRecogniser(first, threshold)
        if self.asked == "recordings":
            first.ask_by_audio(queries.read_recordings(self.recordings, first))
            return queries.RecordingsSeparator(separator, recogniser)
        if self.asked == "everything":
            return queries.EverythingSeparator(separator, recogniser)
        return RecognisedSeparator(separator, recogniser)

    def load_recogniser(self) -> Recogniser | None:
        """Returns what hears which instruments play; None where nobody listens.

        Raises:
            ValueError: its run hears no instruments, or others than the network estimates.
        """
        if not self.tagger:
            return None
        from evaluation.recognition.recogniser import Recogniser
        from trainer.tasks.tagging.tagger import name_tagger

        return Recogniser(name_tagger(self.tagger).load(), self.sources)


def name_runs(
    workdirs: Sequence[str],
    checkpoint: str = "best",
    weights: str = "average",
    num_passes: int = 1,
    wiener: int = 0,
    tagger: str = "",
) -> NamedNetwork:
    """Names the network of a run, or those of several to be averaged.

    Args:
        workdirs: paths or ``gs://`` addresses of the runs.
        checkpoint: ``best`` (in validation), ``latest``, or a number of steps.
        weights: ``average``, the moving average where the run kept one, or ``raw``.
        num_passes: in which each network hears a song.
        wiener: iterations of the Wiener filter over the estimates.
        tagger: path or address of the run that hears which instruments play, if one shall.

    Raises:
        ValueError: there is no run, one is named twice, they do not estimate the same, or there are
            not so many passes, or one source alone is to be filtered.
    """
    runs = find_runs(workdirs)
    for run in runs.values():
        passes_of(run.config, num_passes)
    first = next(iter(runs.values()))
    require_filter(first.config, wiener)
    return NamedNetwork(first.config, tuple(runs), checkpoint, weights, num_passes, wiener, tagger)


def name_untrained(
    config: str, overrides: Sequence[str] = (), num_passes: int = 1, wiener: int = 0
) -> NamedNetwork:
    """Names the network of an experiment with the weights that a training begins with.

    Raises:
        ValueError: there is no such experiment, an override makes no sense, or there are not so
            many passes, or one source alone is to be filtered.
    """
    named = NamedNetwork(configs.load(config, overrides), num_passes=num_passes, wiener=wiener)
    passes_of(named.config, num_passes)
    require_filter(named.config, wiener)
    return named


def asking(
    named: NamedNetwork, files: Sequence[str], everything: bool, labels: str | None
) -> NamedNetwork:
    """Says what a network that answers queries is asked for.

    Args:
        named: a network of any task.
        files: of recordings to ask with.
        everything: whether it is asked for all that is there.
        labels: names to ask for, as a person gave them; None: none, and it hears what is there.

    Raises:
        ValueError: the network answers no queries and is asked some, or two ways are given.
    """
    given = [
        flag for flag, is_given in (("--query", files), ("--everything", everything)) if is_given
    ]
    if named.config.task.learns != "target":
        if given:
            raise ValueError(
                f"{given[0]} asks a network that answers queries; {named.config.name} learnt "
                f"task.kind={named.config.task.kind}. Name a run of task.kind=query, or leave it "
                f"out."
            )
        return named
    if labels is not None:
        given.append("--labels")
    if len(given) > 1:
        raise ValueError(
            f"{' and '.join(given)} ask for different things; give one of --query (what a "
            "recording sounds like), --everything and --labels (names)."
        )
    if files:
        _require_one_estimate(named)
        return replace(named, asked="recordings", recordings=_named_files(files))
    if everything:
        return replace(named, asked="everything")
    return replace(named, asked="names" if labels is not None or named.tagger else "heard")


def _require_one_estimate(named: NamedNetwork) -> None:
    """Refuses several estimates of a recording: a mean, and a filter, are of names."""
    several = len(named.workdirs) > 1 or named.num_passes > 1 or named.wiener > 0
    if several:
        raise ValueError(
            "--query asks one network once; give one --workdir, and leave out --passes and "
            "--wiener."
        )


def _named_files(files: Sequence[str]) -> dict[str, Path]:
    """Returns files of recordings by their names without suffixes, which the stems have."""
    found: dict[str, Path] = {}
    for file in files:
        path = Path(file)
        if not path.is_file():
            raise ValueError(f"--query={file}: there is no such file.")
        name = path.stem
        if name.casefold() in (REST, *RESERVED):
            raise ValueError(
                f"--query={file}: its stem would be called {name!r}, which means something else "
                f"here; rename the file after the instrument."
            )
        if name in found:
            raise ValueError(
                f"--query={file}: {found[name]} is called the same, so that both stems would be; "
                f"rename one."
            )
        found[name] = path
    return found
