"""How a command ends: a sentence and a status for what a user can mend, a traceback for the rest."""

import math

import pytest
from absl import flags

from data_prep.runtime import command


def end(main, capsys):
    status = command._status(main, ["command"], takes_files=False)
    return status, capsys.readouterr().err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        MemoryError("Unable to allocate 8.00 EiB for an array with shape (1,)\nand more"),
        ImportError("libscipy.so: failed to map segment from shared object"),
    ],
)
def test_too_little_memory_is_one_sentence(error, capsys):
    def main(_):
        raise error

    status, said = end(main, capsys)
    assert status == command.ERROR
    assert said.startswith("error: memory ran out; use fewer --workers")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "error", [TypeError("x"), KeyError("x"), ImportError("no module"), EOFError()]
)
def test_a_fault_of_the_program_keeps_its_traceback(error, capsys):
    def main(_):
        raise error

    with pytest.raises(type(error)):
        end(main, capsys)


@pytest.mark.parametrize("value", ["nan", "inf", "-1e999"])
def test_a_flag_is_a_finite_number(value, capsys):
    flags.DEFINE_float("hours_of_a_test", 1.0, "for this test", lower_bound=-math.inf)
    try:
        flags.FLAGS["hours_of_a_test"].parse(value)
        status, said = end(lambda _: None, capsys)
    finally:
        delattr(flags.FLAGS, "hours_of_a_test")
    assert status == command.ERROR
    assert said == f"error: --hours_of_a_test is {float(value)}; expected a finite number.\n"
