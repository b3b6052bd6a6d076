"""Trains any task.

protocol       what the loop asks of a task
train          restores, takes steps, validates, saves
optimisation   the optimizer of every objective, and clipping
beginning      what a run begins with of another one
schedules      learning rate, and average of the weights
dry_run        what a run will cost, and whether it can learn
checkpoints    saves and restores a run
checkpoint_folder  which checkpoints a folder holds; the newest stay
workdir        whose run a folder is, and what may change
interruptible  lets steps in progress finish
metrics        reads the log of a run, damaged or not
progress       says and records how far a run is
summaries      sounds and pictures for TensorBoard
"""
