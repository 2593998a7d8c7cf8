"""`scripts/compare_weights.py`: distances by hand, and one row for each data set."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from learning.made_up import write_dataset

SCRIPTS = Path(__file__).parents[2] / "scripts"


@pytest.fixture
def compare_weights(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import compare_weights

    return compare_weights


def test_distances_of_poses_that_are_too_large(compare_weights):
    true_mm = np.random.default_rng(0).normal(size=(4, 17, 3)) * 300
    plain, scaled = compare_weights.distances_mm(1.1 * true_mm, true_mm)
    assert plain == pytest.approx(0.1 * np.linalg.norm(true_mm, axis=-1).mean())
    assert scaled == pytest.approx(0, abs=1e-6)


def test_folders_that_hold_no_data_end_in_a_sentence(tmp_path):
    command = [sys.executable, SCRIPTS / "compare_weights.py", tmp_path, "--weights", "posegrid-m"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert str(tmp_path) in done.stderr or "posegrid-m" in done.stderr


def test_judges_are_the_validation_people(compare_weights, tmp_path):
    folder = write_dataset(tmp_path / "data", 6, background="masked")
    crops = compare_weights.judges_in(folder, 4)
    facts = compare_weights.load_dataset_facts(folder)
    assert len(crops) == 4 and set(crops.subject) == set(facts.subjects_of("validation"))
