"""Makes the runs of a table: every value of every field, of every experiment."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

import configs


@dataclass(frozen=True)
class Combination:
    """Is a run of a table."""

    experiment: str
    # Field -> the value it has here, as it was written.
    values: dict[str, str]
    # Why there can be no such run; empty where there can.
    refused: str

    @property
    def overrides(self) -> list[str]:
        """Returns the fields as overrides of the experiment."""
        return [f"{name}={value}" for name, value in self.values.items()]

    @property
    def name(self) -> str:
        """Returns the name of its folder."""
        # A value may be a path, as of train.begin_from.
        words = [
            f"{name.rpartition('.')[2]}={quote(value, safe='')}"
            for name, value in self.values.items()
        ]
        return " ".join([self.experiment, *words])


def combine(
    experiments: Sequence[str], over: Sequence[str], shared: Sequence[str]
) -> list[Combination]:
    """Returns all runs of a table, the last field changing fastest.

    Args:
        experiments: names.
        over: ``section.field=a,b,c`` each.
        shared: overrides of all runs.

    Raises:
        ValueError: a field has no values, or stands twice, or there can be no run at all.
    """
    fields: dict[str, list[str]] = {}
    for text in over:
        name, _, values = text.partition("=")
        listed = [value.strip() for value in values.split(",")]
        if "." not in name or not all(listed) or len(set(listed)) < len(listed):
            raise ValueError(
                f"--over is {text!r}; expected section.field=a,b,c with values that differ."
            )
        if name in fields:
            raise ValueError(f"--over names {name} twice; give all of its values at once.")
        fields[name] = listed
    found = []
    for experiment in experiments:
        # An experiment or a shared override that is wrong is wrong for all.
        configs.load(experiment, shared)
        for chosen in itertools.product(*fields.values()):
            values_of = dict(zip(fields, chosen, strict=True))
            found.append(_combination(experiment, values_of, shared))
    if all(each.refused for each in found):
        raise ValueError(f"no run of the table can be: {found[0].refused}")
    return found


def _combination(experiment: str, values: dict[str, str], shared: Sequence[str]) -> Combination:
    combination = Combination(experiment, values, refused="")
    try:
        configs.load(experiment, [*shared, *combination.overrides])
    except ValueError as error:
        return Combination(experiment, values, refused=str(error))
    return combination
