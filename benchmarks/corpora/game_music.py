"""Names the music of three games that benchmarks use: electronic and orchestral.

Of the first two every fourth track by name is kept back for checks of what is finished, and is not
looked at.
"""

from pathlib import Path

import av

from benchmarks.corpora.debian_sounds import Package, fetch
from data_prep.audio.decoding import OPENING

NEXUIZ = "nexuiz"
WESNOTH = "wesnoth"
SINGULARITY = "singularity"
GAMES = (NEXUIZ, WESNOTH, SINGULARITY)

_SUFFIX = ".ogg"
_IN_THE_ZIP_FILE = "sound/cdtracks"
_NEXUIZ_TRACKS = (
    "beast-of-insanity",
    "brainsukker",
    "breakdown-easy",
    "calling-bogus",
    "chaos-fog",
    "desert3",
    "infight",
    "neuronal-diving",
    "ninesix",
    "sixtyfour_",
    "sixtyfour_revisited",
    "stairs",
    "thru-the-mirror",
    "thunder",
)
_WESNOTH_TRACKS = (
    "battle-epic",
    "battle",
    "breaking_the_chains",
    "defeat",
    "defeat2",
    "elf-land",
    "frantic-old",
    "frantic",
    "heroes_rite",
    "journeys_end",
    "knalgan_theme",
    "knolls",
    "love_theme",
    "loyalists",
    "main_menu",
    "northerners",
    "nunc_dimittis",
    "return_to_wesnoth",
    "sad",
    "siege_of_laurelmor",
    "silence",
    "suspense",
    "the_city_falls",
    "the_dangerous_symphony",
    "the_king_is_dead",
    "transience",
    "traveling_minstrels",
    "vengeful",
    "victory",
    "victory2",
    "weight_of_revenge",
)
_SINGULARITY_TRACKS = (
    "A New Journey",
    "Aberrations",
    "Advanced Simulacra",
    "Awakening",
    "By-Product",
    "Coherence",
    "Deprecation",
    "Enemy Unknown",
    "Inevitable",
    "Media Threat",
    "Nebula",
    "Orbital Elevator",
    "Through Space",
    "lose/Chimes They Fade",
    "lose/March Thee to Dis",
    "win/Apex Aleph",
)


def _files_of(game: str, tracks: tuple[str, ...], folder: str = "") -> dict[str, str]:
    """Returns the place of each track in a package, and ours: GAME/TRACK.ogg."""
    return {f"{folder}{track}{_SUFFIX}": f"{game}/{Path(track).name}{_SUFFIX}" for track in tracks}


PACKAGES = {
    NEXUIZ: Package(
        "nexuiz-music",
        "2.5.2-12",
        "d1a7d6e2c0a5bbe6670dbf73354e38f742597310d425e373250fc71a636f8dda",
        "GPL-2+",
        "usr/share/games/nexuiz/data",
        _files_of(NEXUIZ, _NEXUIZ_TRACKS, f"{_IN_THE_ZIP_FILE}/"),
        zipped="music.pk3",
    ),
    WESNOTH: Package(
        "wesnoth-1.16-music",
        "1:1.16.9-1",
        "f9bc3cde92b4ab30db5d7b85f89b4bcc3d788dd92602956d0347250850bf59bb",
        "GPL-2+",
        "usr/share/games/wesnoth/1.16/data/core/music",
        _files_of(WESNOTH, _WESNOTH_TRACKS),
    ),
    SINGULARITY: Package(
        "singularity-music",
        "007-2",
        "139ba1e408eeb0a72f1fff3760ca46558b9f81bed97dc8c0efa108c4007f4845",
        "CC-BY-SA 3.0",
        "usr/share/games/singularity/music",
        _files_of(SINGULARITY, _SINGULARITY_TRACKS),
    ),
}


def fetch_game_music(folder: Path, games: tuple[str, ...] = GAMES) -> None:
    """Fetches tracks to FOLDER/GAME/TRACK.ogg."""
    fetch([PACKAGES[game] for game in games], folder)


def artist_of(path: Path) -> str | None:
    """Returns the tag of a file that names its artist; None where it has none."""
    with av.open(str(path), options=dict(OPENING)) as container:
        tags = {**container.metadata, **container.streams.audio[0].metadata}
    by_name = {name.lower(): value.strip() for name, value in tags.items()}
    return by_name.get("artist") or None
