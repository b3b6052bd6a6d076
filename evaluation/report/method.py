"""What the rows of scores.csv do not say: where they come from, and how they were scored."""

import configs
from evaluation.document.parts import Block, Cell, Code, Column, Items, Line, Table, Text, plain
from evaluation.scores.about import About

_BACKENDS = {"own": "this project's own code", "mir_eval": "mir_eval"}


def method(about: About, has_oracles: bool) -> list[Block]:
    """How it was scored."""
    settings = about.evaluation
    comparable = (about.sample_rate, about.channels) == (44100, 2)
    overlap = f", one every {plain(settings.hop_secs)} s" if settings.hop_secs else ", end to end"
    rate = f"Scored at {about.rate_and_channels}."
    items = [
        rate if comparable else f"{rate} Not comparable with published figures at 44.1 kHz stereo.",
        f"Labels: {about.labels}.",
        f"Segments of {plain(settings.segment_secs)} s{overlap}; a remainder shorter than half a segment joins the one "
        "before it.",
        f"A source sounds in a segment where its level is above {plain(settings.active_relative_db)} dB relative to "
        f"its loudest segment in the track and above {plain(settings.silent_dbfs)} dBFS. A signal below "
        f"{plain(settings.silent_dbfs)} dBFS is silent.",
        f"BSS Eval filters of {settings.filter_taps} taps, {_fitted(settings)}; v3 computed by "
        f"{_BACKENDS[settings.backend]}.",
        "Mixture: the mixture taken as the estimate of every source. Silence: nothing at all taken as the estimate.",
    ]
    if has_oracles:
        items.append(
            "IBM1, IRM1 and MWF are oracles, which know the sources: the ideal binary mask and the ideal ratio mask on "
            "magnitudes, and the multichannel Wiener filter, all as in SiSEC 2018 but for the window, of 93 ms with an "
            "overlap of three quarters. With one channel MWF is the ratio mask on powers. They mark what filtering the "
            "mixture's spectrum can reach."
        )
    return [Items(items)]


def _fitted(settings: configs.Evaluation) -> str:
    if settings.museval_compatible:
        return (
            "of BSS Eval v4 alone, fitted to each track by the rules of museval: its frames, no remainder, nothing "
            "scored where a source or an estimate is silent"
        )
    whole = ", those of v4 to the whole track" if settings.fits_track else ""
    return f"fitted to each segment against the sources that sound{whole}"


def origin(about: About) -> list[Block]:
    """Where it comes from, and how to make it again."""
    records = [Line(name, [Cell(value, "text")]) for name, value in about.manifest.items()]
    return [
        Text(f"Code revision {about.code_revision}. To run it again:"),
        Code(about.command),
        Table("records", "Records", [Column("", is_text=True)], [records]),
        Code(about.config_json, "Config"),
        *([Code(about.manifest_json, "Manifest of the records")] if about.manifest_json else []),
    ]
