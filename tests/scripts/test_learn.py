"""The scripts that learn about feet say what they lack."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.mark.parametrize(
    "words", [("learn_contact.py",), ("learn_feet.py", "--weights", "posegrid-m")]
)
def test_a_folder_without_crops_is_told_in_a_sentence(tmp_path, words):
    name, *more = words
    command = [
        sys.executable,
        str(SCRIPTS / name),
        str(tmp_path),
        "--out",
        str(tmp_path / "o"),
        *more,
    ]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 1 and "Traceback" not in ended.stderr
    assert "is no finished data set" in ended.stderr and not (tmp_path / "o").exists()
