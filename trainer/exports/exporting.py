"""Makes files of the network of a run, each checked against the network on real music."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from configs import Config
from trainer.exports import grid
from trainer.exports.agreement import Separate, Trial, require_agreement
from trainer.exports.ear import Ear
from trainer.exports.formats import FORMATS, ROUNDED, SAVED_MODEL, Tolerance
from trainer.exports.grid import WindowEstimate
from trainer.exports.model_folder import folder_bytes, write_model
from trainer.exports.quiet import quiet
from trainer.exports.rows import Row
from trainer.exports.saved_model import ExportedSeparator
from trainer.exports.window import WindowModule, describe, exported_window
from trainer.inference.separator import Separator, require_estimates
from trainer.loop.checkpoints import restore_network
from trainer.loop.workdir import load_run
from trainer.networks import make_network
from trainer.tasks.tagging.tagger import Tagger

_Write = Callable[[Path, WindowModule, Mapping[str, Any]], None]
_Load = Callable[[Path], tuple[WindowEstimate, dict[str, Any]]]


class _Restored:
    """Is a network with the weights of a run, and the trial of what is made of it."""

    def __init__(self, config: Config, workdir: str, checkpoint: str, weights: str) -> None:
        self.config = config
        self.network = make_network(config)
        self.step = restore_network(workdir, self.network, checkpoint, weights)

    @cached_property
    def trial(self) -> Trial:
        """Returns a song, and what the network makes of it."""
        window = exported_window(self.network)
        return Trial(Separator(self.config, self.network), window.hop_frames)


def _require_labels_alone(config: Config) -> None:
    """Refuses a network that is told what an exported file has no input for."""
    if config.model.takes_notes or config.model.context_numbers:
        raise ValueError(
            f"the network of {config.name} is told notes or vectors (model.timing, "
            "model.gate_timing, model.context_size), for which exported files have no input; "
            "separate with evaluation.separate --notes."
        )


class Exporter:
    """Holds the network of a run, of which files are made."""

    def __init__(self, workdir: str, checkpoint: str, weights: str) -> None:
        """Restores the network; ``ValueError`` where there is none, or it estimates nothing."""
        self.workdir = workdir
        self.weights = weights
        self.run = load_run(workdir)
        require_estimates(self.run.config)
        _require_labels_alone(self.run.config)
        self._restore = partial(_Restored, workdir=workdir, checkpoint=checkpoint, weights=weights)
        self._own = self._restore(self.run.config)
        self.step = self._own.step

    @cached_property
    def _portable(self) -> _Restored:
        """Returns the network as other programs compute it: in float32, on a CPU."""
        config = self.run.config
        train = replace(config.train, compute_dtype="float32")
        portable = replace(config, model=config.model.for_export(), train=train)
        return self._own if portable == config else self._restore(portable)

    @cached_property
    def about(self) -> dict[str, Any]:
        """Returns what a file of one window says of itself."""
        return describe(self.run.config, self._own.network, self.step, self.weights)

    @property
    def num_weights(self) -> int:
        """Returns how many numbers the network holds."""
        return sum(int(np.prod(variable.shape)) for variable in self._own.network.variables)

    def write_saved_model(self, out: str, tagger: Tagger | None = None) -> Row:
        """Writes the SavedModel to a folder, replacing one that is there.

        Args:
            out: the folder.
            tagger: recognises labels in it, if any does.

        Raises:
            ValueError: ``out`` is something else, the tagger is none for the network, or the model
                is not the network.
        """
        config = self.run.config
        ear = None if tagger is None else Ear(tagger, config)
        tolerance = FORMATS[SAVED_MODEL].tolerance
        # It has 8 bits, too.
        if config.train.compute_dtype == "bfloat16":
            tolerance = ROUNDED
        found = []

        def check(folder: str) -> None:
            model = tf.saved_model.load(folder)
            row = self._check(
                SAVED_MODEL,
                self._own.trial,
                lambda waveform, labels: model.separate(waveform, labels).numpy(),
                folder_bytes(folder),
                tolerance,
            )
            found.append(row)
            if ear is not None:
                song = self._own.trial.song
                ear.require_agreement(model.recognise(song), song)

        write_model(out, ExportedSeparator(config, self._own.network, self.step, ear), check)
        return found[0]

    def write_file(self, name: str, path: Path) -> Row:
        """Writes a file of a format; ``ValueError`` where it is not the network."""
        print(f"converting to {FORMATS[name].title}, up to a minute ...", flush=True)
        write, load = _functions(name)
        portable = self._portable
        with quiet():
            write(path, WindowModule(portable.config, portable.network), self.about)
            estimate, about = load(path)
        return self._check(
            name,
            portable.trial,
            partial(grid.separate, estimate, about),
            path.stat().st_size,
            FORMATS[name].tolerance,
        )

    def _check(
        self, name: str, trial: Trial, separate: Separate, num_bytes: int, tolerance: Tolerance
    ) -> Row:
        """Returns what is known of an export; ``ValueError`` where it is not the network."""
        agreement = trial.measure(separate)
        require_agreement(agreement, tolerance, name)
        return Row(name, FORMATS[name].file, self.step, num_bytes, *agreement)


def _functions(name: str) -> tuple[_Write, _Load]:
    """Returns what writes and what loads files of a format, whose packages not everybody has."""
    if name == "onnx":
        from trainer.exports import onnx_file

        return onnx_file.write, onnx_file.load
    from trainer.exports import tflite_file

    write = tflite_file.write_int8 if name == "tflite_int8" else tflite_file.write
    return write, tflite_file.load
