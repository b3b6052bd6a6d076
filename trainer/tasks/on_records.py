"""Holds what tasks that learn from tracks of records share."""

from configs import Config
from data_prep.records.full_tracks import FullTrack, iter_full_tracks
from data_prep.records.manifest import Manifest
from data_prep.runtime.quantities import pluralized
from trainer.loop.protocol import Description
from trainer.networks.network import Network


def describe_learning(
    config: Config, manifest: Manifest, network: Network, answers: str
) -> Description:
    """Says how large a patch is, how many records there are, and how often they are seen.

    Args:
        config: of the run.
        manifest: of its records.
        network: which learns.
        answers: what it gives for a patch, in words.
    """
    window = config.model.window()
    settings = config.train
    tracks = manifest.tracks("train")
    num_records = sum(track.num_excerpts for track in tracks)
    epoch = sum(track.num_frames for track in tracks) / window.estimate_frames
    num_epochs = settings.steps * settings.batch_size / max(epoch, 1e-9)
    # The backward pass computes as much again for the weights and for what lies below them, and
    # what the forward pass did not keep.
    num_passes = 4 if settings.rematerialise else 3
    return Description(
        rows={
            "patch": f"{window.mixture_frames:,} frames of mixture, {answers}",
            "records": f"{num_records:,} of {pluralized(len(tracks), 'training track')}",
            "patches per epoch": f"{epoch:,.0f}; the run is {num_epochs:,.1f} epochs",
        },
        step_flops=num_passes * settings.batch_size * network.forward_flops(),
        suspect="the labels",
    )


def middle_of_first(config: Config, manifest: Manifest, folder: str, secs: float) -> FullTrack:
    """Returns seconds of the middle of the first validation track, of which there must be one."""
    track = next(iter_full_tracks(manifest, folder, "valid"))
    wanted = round(secs * config.audio.sample_rate)
    start = max(0, (len(track.mixture) - wanted) // 2)
    part = slice(start, start + wanted)
    return track.cut(part)
