"""Names the drums that benchmarks use: kits of Hydrogen and of LMMS, and patches of DrumSynth.

One kit is kept back for checks of what is finished, and is not looked at.
"""

from pathlib import Path

from benchmarks.corpora.debian_sounds import Package, fetch_all

# Beginnings of the names of kits that are not learnt from.
_UNSEEN = ("Millo_MultiLayered2", "Millo_MultiLayered3", "Millo-Drums", "Audiophob")
KEPT_BACK = "BJA_Pacific"
# The kit of LMMS bears this name.
LMMS = "lmms"

_KITS = "usr/share/hydrogen/data/drumkits"
_DRUMKITS = Package(
    "hydrogen-drumkits",
    "2017.09.19~dfsg-1",
    "6ea3c6df9a67762e2362f946c695e619859126b19fbccf32a2e8f07dfd03b2f4",
    "licence per kit",
    _KITS,
)
_DATA = Package(
    "hydrogen-data",
    "1.2.0~beta1+dfsg-1",
    "d2cc3f281c02efb71f132bd173e95a958d3fede7c5aefcaba6547baf918cff2a",
    "licence per kit",
    _KITS,
)
_LMMS_VERSION = "1.2.2+dfsg1-6"
_LMMS_CHECKSUM = "7d9aa55dd05f11edc57104203ee1c350e3e41f8936ab3741da2bb1158fd46c37"
_SAMPLES = "usr/share/lmms/samples"


def is_unseen(kit: str) -> bool:
    """Says whether a kit is not learnt from."""
    return kit.startswith(_UNSEEN)


def _lmms(folder: str) -> Package:
    """Returns the package of LMMS, of which one folder is used."""
    root = f"{_SAMPLES}/{folder}"
    return Package("lmms-common", _LMMS_VERSION, _LMMS_CHECKSUM, "licence per sound", root)


def fetch_drums(folder: Path) -> list[Path]:
    """Fetches kits to FOLDER/PACKAGE/KIT; returns the folders of all kits."""
    kits = []
    for package in (_DRUMKITS, _DATA):
        place = folder / package.name
        fetch_all(package, "", place, without=(KEPT_BACK,))
        kits += [path for path in sorted(place.iterdir()) if path.is_dir()]
    place = folder / LMMS
    fetch_all(_lmms("drums"), ".ogg", place)
    return [*kits, place]


def fetch_patches(folder: Path) -> Path:
    """Fetches patches of DrumSynth to FOLDER/patches; returns their folder."""
    place = folder / "patches"
    fetch_all(_lmms("drumsynth"), ".ds", place)
    return place
