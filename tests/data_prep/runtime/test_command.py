"""How a command ends: a sentence and a status for what a user can mend, a traceback for the rest."""

import pytest

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
