"""The loop that trains any task.

train          restores, takes steps, validates, saves
optimisation   optimizer, learning rate, clipping, average of the weights
strategy       the devices that it runs on
dry_run        what a run will cost, and whether it can learn
checkpoints    saves and restores a run
workdir        whose run a folder is, and what may change
lock           one job per folder
progress       says and records how far a run is
summaries      sounds and pictures for TensorBoard
"""
