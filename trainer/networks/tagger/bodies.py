"""Lists the bodies of a tagger by their names in a config."""

from trainer.networks.tagger.body import Body
from trainer.networks.tagger.dilated import Dilated

BODIES: dict[str, type[Body]] = {
    "dilated": Dilated,
}
