"""Whose files exports may write over."""

import pytest

from data_prep.storage import open_folder
from trainer.exports.placing import require_own


@pytest.mark.parametrize("name", ["model.onnx", "model_card.md"])
def test_a_file_that_no_export_made_is_not_written_over(tmp_path, name):
    folder = open_folder(str(tmp_path))
    assert require_own(folder, ["onnx"]) == []
    (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match=rf"{name} is there and no export made it"):
        require_own(folder, ["onnx"])
    (tmp_path / "exports.json").write_text('{"exports": []}')
    assert require_own(folder, ["onnx"]) == []
