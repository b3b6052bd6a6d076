"""Words what a report says beside its numbers: their rivals, how they were scored, what of."""

from collections.abc import Collection

import configs
from configs import instruments
from evaluation.classical.names import ROWS
from evaluation.document.numbers import short_number
from evaluation.document.parts import Block, Cell, Code, Column, Items, Line, Table, Terms, Text
from evaluation.estimates.oracles import ORACLES
from evaluation.report.digest import Digest
from evaluation.report.run_tables import status_table, status_words
from evaluation.scores.about import About
from evaluation.scores.table import CONSTANT_GAIN

_GAIN_DECIMALS = 3
_BACKENDS = {"own": "this project's own code", "mir_eval": "mir_eval"}

# The columns of the table of statuses, in words; the last one is no status but a measure.
STATUSES = {
    "scored": "The source sounds together with another one: every metric, and part of the "
    "improvement.",
    "solo": "It is the only source that sounds: no SIR, and left out of the improvement, as the "
    "mixture is the source.",
    "silent estimate": "It sounds, but its estimate is silent: SDR and SNR count as 0 dB, the "
    "other metrics are blank.",
    "absent": "It does not sound: no metric, but the energy that its estimate leaks.",
    "not scored": "Something sounds, but by museval's rules a segment is scored only where every "
    "source of the track and its estimate do: no metric.",
    "silent mixture": "Nothing sounds at all: not scored.",
    "leakage": "Energy of the estimate of an absent source relative to the mixture: median over "
    "the absent segments in dB, n below it; \N{MINUS SIGN}100 is the floor, lower is better.",
}

# Sample rate in Hz and number of channels of the figures that papers quote.
_PUBLISHED_FORMAT = (44100, 2)

_ORACLES = (
    "IBM1, IRM1 and MWF are oracles, which know the sources: the ideal binary mask and the ideal "
    "ratio mask on magnitudes, and the multichannel Wiener filter, all as in SiSEC 2018 but for "
    "the window, of 93 ms with an overlap of three quarters. With one channel MWF is the ratio "
    "mask on powers. They mark what filtering the mixture's spectrum can reach."
)
_BINS = (
    "Bins: the share of the time-frequency bins of the mixture, channel by channel, in which the "
    "estimate is on the right side of the ideal binary mask: it has at least half the mixture's "
    "magnitude there and so has the source, or neither has. Windows of 93 ms overlap by three "
    "quarters; bins of tones below {silent} dBFS do not count. Majority: what the better of two "
    "answers for all bins of a segment reaches, that all are the source's or that none is. It is "
    "no dB, and says nothing of the levels within the bins."
)


def beside_silence(digest: Digest, improvement_db: float) -> str:
    """Says what silence would reach; nothing where it was not scored."""
    silence = digest.improvement(None, "silence")
    if not isinstance(silence.value, float):
        return ""
    exceeded = _exceeded(improvement_db, silence.value)
    return (
        f" Silence in place of every estimate would lie at {silence.text} dB{exceeded}: among "
        "several sources, turning everything down already raises the SNR."
    )


def beside_constant_gain(digest: Digest, improvement_db: float) -> str:
    """Says what the constant gain reaches, and in which sources the model is not above it.

    Nothing where it was not scored.
    """
    rival = digest.improvement(None, CONSTANT_GAIN)
    if not isinstance(rival.value, float):
        return ""
    text = (
        "The constant gain, the mixture times one number per instrument learnt from the training "
        f"split, lies at {rival.text} dB{_exceeded(improvement_db, rival.value)}."
    )
    beaten = digest.not_above(CONSTANT_GAIN)
    if not beaten:
        return f"{text} In every source the model lies above it."
    sources = []
    for source in beaten:
        own = digest.improvement(source).text
        other = digest.improvement(source, CONSTANT_GAIN).text
        sources.append(f"{instruments.name_of(source)} ({own} dB, the constant gain {other} dB)")
    return (
        f"{text} The model has not learnt to separate what is not above it: {', '.join(sources)}."
    )


def _exceeded(improvement_db: float, rival_db: float) -> str:
    if improvement_db <= rival_db:
        return ", which the model does not exceed"
    return ""


def method_blocks(about: About, systems: Collection[str], has_bins: bool) -> list[Block]:
    """Returns the blocks that say how the scores were computed, and what the systems are.

    Args:
        about: what was scored.
        systems: that have rows.
        has_bins: whether there are shares of bins.
    """
    settings = about.evaluation
    silent = short_number(settings.silent_dbfs)
    items = [
        _rate(about),
        f"Labels: {about.labels}.",
        f"Segments of {short_number(settings.segment_secs)} s{_spacing(settings)}; a remainder "
        "shorter than half a segment joins the one before it.",
        "A source sounds in a segment where its level is above "
        f"{short_number(settings.active_relative_db)} dB relative to its loudest segment in the "
        f"track and above {silent} dBFS. A signal below {silent} dBFS is silent.",
        f"BSS Eval filters of {settings.filter_taps} taps, {_fitted(settings)}.",
        "Mixture: the mixture taken as the estimate of every source. Silence: nothing at all "
        "taken as the estimate.",
    ]
    if has_bins:
        items.append(_BINS.format(silent=silent))
    if about.about_gains:
        items.append(_constant_gain(about))
    items += [f"{name}: {words}." for name, words in ROWS.items() if name in systems]
    if not set(ORACLES).isdisjoint(systems):
        items.append(_ORACLES)
    return [Items(items)]


def _constant_gain(about: About) -> str:
    """Says what the constant gain is and which gains were learnt, or why there is none."""
    if not about.gains:
        return f"Constant gain: left out, as {about.about_gains}."
    gains = [
        f"{instruments.name_of(source)} {short_number(round(gain, _GAIN_DECIMALS))}"
        for source, gain in about.gains.items()
    ]
    return (
        "Constant gain: the mixture times one number per instrument, the least-squares gain of "
        f"that source against the mixture over {about.about_gains}. It is {', '.join(gains)}; "
        "instruments that the labels do not name get nothing."
    )


def _rate(about: About) -> str:
    sentence = f"Scored at {about.rate_and_channels}."
    if (about.sample_rate, about.channels) == _PUBLISHED_FORMAT:
        return sentence
    return f"{sentence} Not comparable with published figures at 44.1 kHz stereo."


def _spacing(settings: configs.Evaluation) -> str:
    # 0 means that segments follow each other.
    if settings.hop_secs:
        return f", one every {short_number(settings.hop_secs)} s"
    return ", end to end"


def _fitted(settings: configs.Evaluation) -> str:
    # Museval computes v4 alone; its rules then replace those of the other items.
    if settings.museval_compatible:
        return (
            "of BSS Eval v4 alone, fitted to each track by the rules of museval: its frames, no "
            "remainder, nothing scored where an estimate is silent or a source of the track rests"
        )
    fitted = "fitted to each segment against the sources that sound"
    if settings.fits_track:
        fitted += ", those of v4 to the whole track"
    return f"{fitted}; v3 computed by {_BACKENDS[settings.backend]}"


def status_blocks(digest: Digest) -> list[Block]:
    """Returns the blocks that say what could be scored, and what each status means."""
    # The model comes first.
    _, *others = digest.systems
    all_sources = None
    shares = [
        f"{system}: {status_words(digest.summary(all_sources, system).shares)}" for system in others
    ]
    return [
        Text("Of the model: segments, and their share of all.", "note"),
        status_table(digest),
        Terms(list(STATUSES.items())),
        Text("The same shares for what the model is set beside:", "note"),
        Items(shares),
    ]


def origin_blocks(about: About) -> list[Block]:
    """Returns the blocks that say which code and records the scores come from."""
    records = [Line(name, [Cell(value, "text")]) for name, value in about.manifest.items()]
    blocks: list[Block] = [
        Text(f"Code revision {about.code_revision}. To run it again:"),
        Code(about.command),
        Table("records", "Records", [Column("", is_text=True)], [records]),
        Code(about.config_json, "Config"),
    ]
    if about.manifest_json:
        blocks.append(Code(about.manifest_json, "Manifest of the records"))
    return blocks
