"""Holds the body of a tagger that goes from column to column, for any Keras backend.

Axes as in ``body``; S sequences of L columns, U units of a layer in both directions together.
"""

from collections.abc import Sequence
from typing import Any

from keras import ops

from trainer.networks.frames import crop
from trainer.networks.masks.recurrent_bodies import Lstm
from trainer.networks.network import rematerialised
from trainer.networks.tagger.body import Body

_GATES = 4


class Blstm(Body):
    """Is recurrent layers that go through the columns in both directions.

    After Leglaive, Hennequin, Badeau, "Singing voice detection with deep recurrent neural
    networks", ICASSP 2015, whose layers have 30, 20 and 40 units in each direction: three quarters,
    a half and all of ``width=40``, with ``depth=3``. For 80 features and one answer they have
    65,601 numbers. It heard harmonic and percussive bands apart from each other; here all bands are
    of the mixture, and each has a learnt scale and shift.

    As there, columns are cut into sequences that know nothing of each other, 218 columns unless
    told: ``sequence_answers`` answers, with ``context_columns`` on both sides of them. So the
    length of a window changes nothing.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.heard = self._normalisation()
        self.forwards = []
        self.backwards = []
        for i, units in enumerate(self.settings.units, start=1):
            self.forwards.append(Lstm(units, self._seeds, f"forwards_{i}", self.dtype_policy))
            self.backwards.append(
                Lstm(units, self._seeds, f"backwards_{i}", self.dtype_policy, backwards=True)
            )
        self.exit = self._dense(self.num_answers, "exit")

    def encode(self, heard: Any) -> Sequence[Any]:
        """Returns the features of each layer, (B, M', U), and those of answers, (B, J, U)."""
        x = self.heard(self._cut(ops.cast(heard, self.compute_dtype)))
        layers = []
        for i, _ in enumerate(self.forwards):
            x = rematerialised(self._go_both_ways, i=i)(x)
            layers.append(self._joined(x, heard.shape[1]))
        return [*layers[:-1], self._answered(layers[-1])]

    def decode(self, features: Any) -> Any:
        """Returns what decides about every answer, (B, J, K)."""
        return self.exit(features)

    def _cut(self, heard: Any) -> Any:
        """Cuts columns into sequences, their context included: (B, M, N) -> (B S, L, N)."""
        context = self.settings.context_columns
        kept = self._kept_columns
        num_sequences = (heard.shape[1] - 2 * context) // kept
        columns = ops.arange(num_sequences)[:, None] * kept + ops.arange(kept + 2 * context)
        sequences = ops.take(heard, columns, axis=1)
        return ops.reshape(sequences, (-1, kept + 2 * context, self.num_heard))

    def _joined(self, x: Any, num_columns: int) -> Any:
        """Puts sequences without their context side by side: (B S, L, U) -> (B, M', U)."""
        inner = crop(x, self._kept_columns)
        num_kept = num_columns - 2 * self.settings.context_columns
        return ops.reshape(inner, (-1, num_kept, x.shape[2]))

    @property
    def _kept_columns(self) -> int:
        return self.settings.sequence_answers * self.settings.column_hops

    def _go_both_ways(self, x: Any, i: int) -> Any:
        """Goes through the columns in both directions: (B S, L, N) -> (B S, L, U)."""
        return ops.concatenate([self.forwards[i](x), self.backwards[i](x)], axis=-1)

    def flops(self, num_answers: int) -> int:
        """Returns the multiplications and additions of all products."""
        of_column = 0
        num_inputs = self.num_heard
        for units in self.settings.units:
            # Two directions.
            of_column += 2 * _GATES * units * (num_inputs + units)
            num_inputs = 2 * units
        num_sequences = num_answers // self.settings.sequence_answers
        num_columns = num_sequences * (self._kept_columns + 2 * self.settings.context_columns)
        return 2 * (num_columns * of_column + num_answers * num_inputs * self.num_answers)

    def column_bytes(self) -> int:
        """Returns how many bytes a column of the analysis takes in the body, at most."""
        # What a column adds to the gates of both directions is there a few times.
        numbers = self.num_heard + 3 * 2 * _GATES * max(self.settings.units)
        read = self._kept_columns + 2 * self.settings.context_columns
        return -(-4 * numbers * read // self._kept_columns)
