"""Lists the bodies of a tagger by their names in a config."""

from trainer.networks.tagger.body import Body
from trainer.networks.tagger.columns import Blstm
from trainer.networks.tagger.dilated import Dilated
from trainer.networks.tagger.genres import Cnn1d, Cnn3x3, Crnn, MultiKernel
from trainer.networks.tagger.musicnn import Musicnn, Vgg, VggMsd
from trainer.networks.tagger.singing import SingingCnn

BODIES: dict[str, type[Body]] = {
    "dilated": Dilated,
    "blstm": Blstm,
    "cnn1d": Cnn1d,
    "cnn3x3": Cnn3x3,
    "multi_kernel": MultiKernel,
    "crnn": Crnn,
    "singing_cnn": SingingCnn,
    "musicnn": Musicnn,
    "vgg": Vgg,
    "vgg_msd": VggMsd,
}
