"""Finds a classical method by its name, and imports it only then."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from data_prep.records.manifest import load_manifest
from data_prep.runtime import command
from evaluation.classical.names import STEMS

if TYPE_CHECKING:
    # It imports scikit-learn, for which a command that is refused does not wait.
    from evaluation.classical.separator import ClassicalSeparator

METHODS = ("nmf", *STEMS)


@dataclass(frozen=True)
class NamedMethod:
    """Names a method that is known to be there, before anything slow is imported."""

    name: str
    # Of what it estimates.
    sources: tuple[str, ...]
    # Path or address of the records that NMF learns from, empty for the others.
    records: str = ""

    def load(self) -> "ClassicalSeparator":
        """Returns what separates songs; NMF learns its dictionaries where none are kept.

        Raises:
            ValueError: the records cannot be read.
        """
        with command.importing():
            from evaluation.classical.dictionaries import open_dictionaries
            from evaluation.classical.hpss import HarmonicPercussive
            from evaluation.classical.nmf import DictionaryNmf
            from evaluation.classical.repet import Repetition
            from evaluation.classical.unmixing import ica, pca

        if self.name == "nmf":
            return DictionaryNmf(open_dictionaries(self.records))
        makers = {"ica": ica, "pca": pca, "hpss": HarmonicPercussive, "repet": Repetition}
        return makers[self.name]()


def name_method(name: str, records: str = "") -> NamedMethod:
    """Names a method.

    Args:
        name: one of ``METHODS``.
        records: path or address of the records that NMF learns from.

    Raises:
        ValueError: NMF is given no records, records that are not there or have no training split,
            or another method is given some.
    """
    if name != "nmf":
        if records:
            raise ValueError(
                f"--records are for --method=nmf, which learns from them; {name} learns nothing."
            )
        return NamedMethod(name, STEMS[name])
    if not records:
        raise ValueError(
            "--method=nmf learns how each source sounds from the training split of records; name "
            "their folder with --records."
        )
    manifest = load_manifest(records)
    if not manifest.tracks("train"):
        raise ValueError(
            f"the records in {records} have no train tracks, from which --method=nmf learns how "
            "each source sounds; name others."
        )
    return NamedMethod(name, manifest.layout.sources, records)
