"""Defines the flags by which commands name what separates songs, and reads them.

It needs no TensorFlow.
"""

from absl import flags

import configs
from evaluation.classical.methods import METHODS, NamedMethod, name_method
from evaluation.estimates.wiener_flag import define_wiener_flag
from evaluation.recognition.recognition_flag import AUTO, define_tagger_flag, find_tagger
from evaluation.songs.networks import NamedNetwork, asking, name_runs, name_untrained
from trainer.inference.checkpoint_flags import define_checkpoint_flags

FLAGS = flags.FLAGS
# The help of a command then shows the flags as its own.
flags.disclaim_key_flags()

# What a method has not.
_OF_NETWORKS = (
    *("workdir", "checkpoint", "weights", "untrained", "config", "set", "passes"),
    *("wiener", "memory", "tagger", "query", "everything"),
)


def define_separator_flags() -> None:
    """Defines the flags that ``named_separator`` reads."""
    define_checkpoint_flags(workdir_required=False, several=True)
    flags.DEFINE_bool(
        "untrained", False, "in place of a run: the network of --config with random weights"
    )
    flags.DEFINE_string(
        "config", None, f"with --untrained: experiment, one of {', '.join(configs.experiments())}"
    )
    flags.DEFINE_multi_string(
        "set", [], "with --untrained: override, section.field=value; may be repeated"
    )
    flags.DEFINE_enum(
        "method",
        None,
        METHODS,
        "in place of a network: NMF with spectra of the sources of --records; ICA or PCA on two "
        "channels; harmonic and percussive parts; what repeats and what does not",
    )
    flags.DEFINE_string(
        "records", "", "with --method=nmf: folder of records, of which it learns the training split"
    )
    flags.DEFINE_integer(
        "passes",
        1,
        "how often each network hears a song, each time shifted otherwise; the estimates are "
        "averaged, which takes as many times as long",
    )
    flags.DEFINE_multi_string(
        "query",
        [],
        "of a run of task.kind=query: file of some seconds (5 to 10) of an instrument out of "
        "another recording, which is sought in the songs; may be repeated",
    )
    flags.DEFINE_bool(
        "everything",
        False,
        "of a run of task.kind=query: all that it says is there, the loudest first, until little "
        "is left",
    )
    define_wiener_flag()
    define_tagger_flag()


def named_separator() -> NamedNetwork | NamedMethod:
    """Returns the network or the method that the flags name.

    Raises:
        ValueError: they name none, several, or one that is not there.
    """
    if FLAGS.method is None:
        if FLAGS.records:
            raise ValueError("--records go with --method=nmf, which learns from them.")
        return named_network()
    given = [f"--{name}" for name in _OF_NETWORKS if FLAGS[name].present]
    if given:
        raise ValueError(f"--method needs no network; leave out {', '.join(given)}.")
    method = name_method(FLAGS.method, FLAGS.records)
    if FLAGS.labels is not None and not method.records:
        raise ValueError(
            f"--labels says which sources play, which {method.name} does not ask; leave it out. "
            f"Its stems are {' and '.join(method.sources)}, of which --write chooses."
        )
    return method


def named_network() -> NamedNetwork:
    """Returns the network that the flags name, and what it is asked for.

    Raises:
        ValueError: they name none, or both kinds, or one that is not there, or that is asked what
            it does not answer.
    """
    return asking(_named_network(), FLAGS.query, FLAGS.everything, FLAGS.labels)


def _named_network() -> NamedNetwork:
    if FLAGS.untrained == (FLAGS.workdir is not None):
        raise ValueError(
            "expected either --workdir, the folder of a run, or --untrained with --config, which "
            "needs no run; --method needs no network."
        )
    if FLAGS.untrained:
        if _listens():
            raise ValueError(
                f"--labels={AUTO} is for a trained network; name what plays for an untrained one."
            )
        if FLAGS["checkpoint"].present or FLAGS["weights"].present:
            raise ValueError(
                "--checkpoint and --weights choose among those of a run; leave them out with "
                "--untrained."
            )
        if FLAGS.config is None:
            raise ValueError(
                f"--untrained needs --config, one of {', '.join(configs.experiments())}."
            )
        return name_untrained(FLAGS.config, FLAGS.set, FLAGS.passes, FLAGS.wiener)
    if FLAGS.config is not None or FLAGS.set:
        raise ValueError(
            "--config and --set go with --untrained; a run has the config that it was trained with."
        )
    tagger = ""
    if _listens():
        tagger = find_tagger(FLAGS.tagger, FLAGS.workdir)
    named = (FLAGS.workdir, FLAGS.checkpoint, FLAGS.weights, FLAGS.passes, FLAGS.wiener)
    return name_runs(*named, tagger)


def _listens() -> bool:
    """Says whether a tagger shall hear what plays; a page is given one by --tagger alone."""
    if FLAGS.labels == AUTO:
        return True
    if FLAGS.tagger and not FLAGS.serve:
        raise ValueError(f"--tagger goes with --labels={AUTO}, for which it listens.")
    return bool(FLAGS.tagger)
