"""Checkpoints to estimates, segment-wise scores and reports."""

from data_prep.runtime.interruption import end_at_once_while_importing

end_at_once_while_importing(__name__)
