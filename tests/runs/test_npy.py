"""Arrays of a run folder: what their headers may say of themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from memlab.errors import RunFolderError
from memlab.runs import npy
from memlab.runs.run_folder import RunFolder


@pytest.mark.parametrize("cut", [b"(3,), }", b"}", b"'shape'"])
def test_a_header_that_breaks_off_is_damage_and_no_error_of_numpy(tmp_path: Path, cut: bytes):
    place = RunFolder(tmp_path).examples / "a.npy"
    place.parent.mkdir()
    npy.replace(place, np.arange(3.0))
    assert npy.mapped(place, np.dtype("<f8"), (3,)).tolist() == [0.0, 1.0, 2.0]
    path = tmp_path / "examples" / "a.npy"
    data = path.read_bytes()
    assert cut in data
    path.write_bytes(data.replace(cut, b"(" + b" " * (len(cut) - 1), 1))
    with pytest.raises(RunFolderError, match="damaged"):
        npy.mapped(place, np.dtype("<f8"), (3,))
