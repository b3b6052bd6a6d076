"""Holds logistic and ridge regression of standardised features, as plain arrays.

Classes count alike, however many files each has: files are weighted by one over the size of their
class, because balanced accuracy is what is asked. Probabilities are those of classes that are
equally frequent.

How strongly coefficients are kept small, the penalty, is chosen by cross-validation within the
files that are learnt from, whole groups at a time: of hundreds of features and dozens of files
the best one differs by orders of magnitude, so that none that is fixed would be fair to both the
tagger's features and its rival's. What is least is the cross-entropy, every class counting alike,
or the squared error: shares of right answers are often equal, and say nothing of probabilities.

Axes: F files, N features, K classes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evaluation.classes.folds import Numbers, number_folds
from evaluation.classes.labelled import Kind

Floats = NDArray[np.float64]

PENALTIES = (1e4, 1e3, 1e2, 1e1, 1.0, 0.1)
"""What squares of coefficients are weighted by in the sum of the losses: 1 / C of scikit-learn's
logistic regression, alpha of its ridge regression. Of several that are equally good it is the
strongest."""
_INNER_FOLDS = 5
# Where nothing can be held out of what is learnt from.
_DEFAULT = 1e2
_MOST_STEPS = 2000
# Of the largest slope at its end: two ways there give the same probabilities to 1e-6.
_TOLERANCE = 1e-8


@dataclass(frozen=True)
class Linear:
    """Holds what was learnt: the answer to x is coefficients (x - mean) / scale + offsets."""

    # (N,)
    mean: Floats
    scale: Floats
    # (K, N) and (K,); K is 1 for numbers. A class that was not there has the offset -infinity.
    coefficients: Floats
    offsets: Floats
    penalty: float

    def standardised(self, features: NDArray[Any]) -> Floats:
        """Returns features (F, N) with the mean 0 and the variance 1 of those learnt from."""
        return (np.asarray(features, np.float64) - self.mean) / self.scale

    def numbers(self, features: NDArray[Any]) -> Floats:
        """Returns the number of each file, (F,)."""
        answers = self.standardised(features) @ self.coefficients.T + self.offsets
        return answers[:, 0]

    def probabilities(self, features: NDArray[Any]) -> Floats:
        """Returns the probability of each class, (F, K)."""
        answers = self.standardised(features) @ self.coefficients.T + self.offsets
        powers = np.exp(answers - answers.max(axis=1, keepdims=True))
        shares: Floats = powers / powers.sum(axis=1, keepdims=True)
        return shares


@dataclass(frozen=True)
class Learner:
    """Learns classes, or numbers."""

    kind: Kind
    num_classes: int = 0
    # Of which one is chosen, the strongest first.
    penalties: Sequence[float] = PENALTIES

    def fit(self, features: Floats, targets: NDArray[Any], penalty: float) -> Linear:
        """Learns of features (F, N) and targets (F,), the numbers of classes or numbers."""
        (model,) = self.iter_fits(features, targets, [penalty])
        return model

    def iter_fits(
        self, features: Floats, targets: NDArray[Any], penalties: Sequence[float]
    ) -> Iterator[Linear]:
        """Learns with each penalty in turn; what all of them need is computed once."""
        # It takes a second to import.
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(features)
        standardised = scaler.transform(features)
        fits = self._iter_ridges if self.kind == "number" else self._iter_logistics
        fitted = fits(standardised, targets, penalties)
        for penalty, (coefficients, offsets) in zip(penalties, fitted, strict=True):
            yield Linear(scaler.mean_, scaler.scale_, coefficients, offsets, penalty)

    def fit_best(self, features: Floats, targets: NDArray[Any], groups: Numbers) -> Linear:
        """Learns with the penalty that is best where whole groups are held out."""
        penalty = _DEFAULT
        if len(np.unique(groups)) > 1:
            penalty = self._best_penalty(features, targets, groups)
        return self.fit(features, targets, penalty)

    def say(self, model: Linear, features: Floats) -> NDArray[Any]:
        """Returns the number of the most probable class, or the number, of each file, (F,)."""
        if self.kind == "number":
            return model.numbers(features)
        return model.probabilities(features).argmax(axis=1)

    def _best_penalty(self, features: Floats, targets: NDArray[Any], groups: Numbers) -> float:
        folds = number_folds(self.kind, targets, groups, _INNER_FOLDS)
        losses = np.zeros((len(self.penalties), len(targets)))
        for fold in np.unique(folds):
            out = folds == fold
            models = self.iter_fits(features[~out], targets[~out], self.penalties)
            for number, model in enumerate(models):
                losses[number, out] = self._losses(model, features[out], targets[out])
        # Of a class that nothing else is left of no penalty knows anything.
        counted = np.isfinite(losses).all(axis=0)
        if not counted.any():
            return _DEFAULT
        means = losses[:, counted] @ self._shares(targets[counted])
        return self.penalties[int(np.argmin(means))]

    def _iter_ridges(
        self, standardised: Floats, targets: NDArray[Any], penalties: Sequence[float]
    ) -> Iterator[tuple[Floats, Floats]]:
        """Yields coefficients (1, N) and offsets (1,) of ridge regression for each penalty."""
        from sklearn.linear_model import Ridge

        for penalty in penalties:
            ridge = Ridge(alpha=penalty).fit(standardised, targets)
            yield np.reshape(ridge.coef_, (1, -1)), np.reshape(ridge.intercept_, 1)

    def _iter_logistics(
        self, standardised: Floats, targets: NDArray[Any], penalties: Sequence[float]
    ) -> Iterator[tuple[Floats, Floats]]:
        """Yields coefficients (K, N) and offsets (K,) of logistic regression for each penalty."""
        from sklearn.linear_model import LogisticRegression

        present = np.unique(targets).astype(np.int64)
        turned, axes = _turned(standardised)
        # Of two classes the second alone has coefficients, the first has zeros.
        learnt = present[1:] if len(present) == 2 else present
        # Each penalty begins where the one before it ended.
        logistic = LogisticRegression(
            class_weight="balanced", max_iter=_MOST_STEPS, tol=_TOLERANCE, warm_start=True
        )
        for penalty in penalties:
            coefficients = np.zeros((self.num_classes, standardised.shape[1]))
            offsets = np.full(self.num_classes, -np.inf)
            offsets[present] = 0.0
            if len(present) > 1:
                logistic.set_params(C=1 / penalty).fit(turned, targets)
                coefficients[learnt] = logistic.coef_ @ axes
                offsets[learnt] = logistic.intercept_
            yield coefficients, offsets

    def _losses(self, model: Linear, features: Floats, targets: NDArray[Any]) -> Floats:
        """Returns how wrong a model is about each file, (F,): -log p of its class, or (y - x)^2."""
        if self.kind == "number":
            errors: Floats = (np.asarray(targets, np.float64) - model.numbers(features)) ** 2
            return errors
        probabilities = model.probabilities(features)
        of_truth = probabilities[np.arange(len(targets)), np.asarray(targets, np.int64)]
        with np.errstate(divide="ignore"):
            return -np.log(of_truth)

    def _shares(self, targets: NDArray[Any]) -> Floats:
        """Returns how much each file counts, (F,), so that classes count alike."""
        if self.kind == "number":
            return np.ones(len(targets))
        counts = np.bincount(np.asarray(targets, np.int64))
        shares: Floats = 1 / counts[np.asarray(targets, np.int64)]
        return shares


def _turned(features: Floats) -> tuple[Floats, Floats]:
    """Returns features (F, N) on as many axes as there are files, (F, F), and the axes, (F, N).

    Coefficients along what no file shows are 0, and a penalty on the sum of their squares is the
    same in all directions: the classifier is the same, and learnt in a fraction of the time.
    """
    num_files, num_features = features.shape
    if num_features <= num_files:
        return features, np.eye(num_features)
    # features = U S V', both sides times V
    left, sizes, axes = np.linalg.svd(features, full_matrices=False)
    return left * sizes, axes
