"""Says on a report where its figures come from."""

import configs
from configs import Config
from configs.splits import SPLITS
from data_prep.records.manifest import Manifest
from evaluation.document.parts import Block, Code, Terms


def origin_blocks(
    manifest: Manifest, code_revision: str, command: str, config: Config
) -> list[Block]:
    """Names corpus, splits, tracks and code, the command that scores the same, and the config."""
    tracks = ", ".join(f"{len(manifest.tracks(name))} {name}" for name in SPLITS)
    pairs = [
        ("corpus", manifest.corpus),
        ("splits", manifest.config.data.splits),
        ("tracks", tracks),
        ("code revision", code_revision),
    ]
    return [Terms(pairs), Code(command), Code(configs.to_json(config), "The config of the run")]
