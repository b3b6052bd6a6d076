"""Answers as rivals do that learn nothing, or little: what a tagger stands beside.

Majority says of each instrument always what is true in most columns of the training split, with the
share of them as the probability. Always on says that all instruments sound. The linear classifier
hears mel-frequency cepstral coefficients (evaluation.tasks.tagging.cepstra), and is a logistic
regression for each instrument, whose threshold has the highest F1 on the validation split, or on
what it learnt from where there is none.

Axes: K instruments, J columns, N columns of all tracks, D features.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from configs import Config
from data_prep.audio.tracks import Waveform
from data_prep.records.full_tracks import FullTrack, iter_full_tracks
from data_prep.records.manifest import Manifest
from evaluation.tasks.tagging.answers import Answers, always
from evaluation.tasks.tagging.cepstra import cepstra_of
from trainer.tasks.tagging.listening import HeardTrack, true_activity
from trainer.tasks.tagging.thresholds import UNCHOSEN, choose, choose_share

MAJORITY = "majority"
ALWAYS_ON = "always on"
LINEAR = "MFCC, linear"
# Columns that the classifier learns from, at most: with more it becomes slower, and no better.
_MOST_COLUMNS = 40_000
_SEED = 0

Floats = NDArray[np.float32]
Hearing = Callable[[Waveform, Config], Floats]
"""A mixture (T, C) and the config of its columns -> their features, (J, D)."""


class _Columns(NamedTuple):
    """Holds columns of several tracks: (N, D) and (K, N)."""

    features: Floats
    truth: NDArray[np.bool_]
    # Of each track how many columns it has, and the instruments that play in it.
    sizes: list[int]
    labels: list[tuple[str, ...]]

    def by_track(self) -> list[Floats]:
        """Returns the features of each track, (J, D)."""
        return np.split(self.features, np.cumsum(self.sizes)[:-1])


class LinearClassifier:
    """Is a logistic regression of features for every instrument that occurs in its tracks."""

    def __init__(
        self, config: Config, hear: Hearing, learnt: _Columns, chosen_on: _Columns | None
    ) -> None:
        """Learns from columns, and chooses thresholds on others, or on the same."""
        self._config = config
        self._hear = hear
        order = np.random.default_rng(_SEED).permutation(len(learnt.features))[:_MOST_COLUMNS]
        features = learnt.features[order]
        self._models = []
        for truth in learnt.truth[:, order]:
            # Of what always or never sounds nothing can be learnt but that.
            if truth.all() or not truth.any():
                self._models.append(float(truth.any()))
            else:
                model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
                self._models.append(model.fit(features, truth))
        chosen = chosen_on or learnt
        sources = config.data.sources
        found = choose(self._probabilities(chosen.features), chosen.truth, sources)
        self.thresholds = {source: found.get(source, UNCHOSEN) for source in sources}
        # The rule of pieces is chosen on the same tracks.
        activities = [self._probabilities(each) for each in chosen.by_track()]
        self.share = choose_share(activities, chosen.labels, self.thresholds)

    def activity(self, mixture: Waveform) -> Floats:
        """Returns the probabilities (K, J) of a mixture (T, C)."""
        return self._probabilities(self._hear(mixture, self._config))

    def _probabilities(self, features: Floats) -> Floats:
        rows = []
        for model in self._models:
            if isinstance(model, float):
                rows.append(np.full(len(features), model))
            else:
                rows.append(model.predict_proba(features)[:, 1])
        return np.stack(rows).astype(np.float32)


class Rivals:
    """Knows the training split, and answers for other tracks."""

    def __init__(
        self, config: Config, manifest: Manifest, folder: str, hear: Hearing = cepstra_of
    ) -> None:
        """Learns from the training split of records.

        Args:
            config: of the run.
            manifest: of its records.
            folder: theirs.
            hear: gives the linear classifier its features.
        """
        learnt = _columns_of(iter_full_tracks(manifest, folder, "train"), config, hear)
        chosen_on = None
        if manifest.tracks("valid"):
            chosen_on = _columns_of(iter_full_tracks(manifest, folder, "valid"), config, hear)
        self._sources = config.data.sources
        self._shares = learnt.truth.mean(axis=1)
        self.linear = LinearClassifier(config, hear, learnt, chosen_on)

    def answers(self, like: Answers, linear_tracks: Sequence[HeardTrack]) -> list[Answers]:
        """Returns what all of them say.

        Args:
            like: what the model said of the same tracks.
            linear_tracks: what the linear classifier said of them.
        """
        shares = dict(zip(self._sources, map(float, self._shares), strict=True))
        return [
            always(MAJORITY, like, shares, UNCHOSEN),
            always(ALWAYS_ON, like, dict.fromkeys(self._sources, 1.0), UNCHOSEN),
            Answers(LINEAR, linear_tracks, self.linear.thresholds, self.linear.share),
        ]


def _columns_of(tracks: Iterable[FullTrack], config: Config, hear: Hearing) -> _Columns:
    features = []
    truth = []
    labels = []
    for track in tracks:
        features.append(hear(track.mixture, config))
        truth.append(true_activity(track, config))
        labels.append(track.labels)
    sizes = [len(each) for each in features]
    return _Columns(np.concatenate(features), np.concatenate(truth, axis=1), sizes, labels)
