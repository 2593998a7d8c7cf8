"""`scripts/compare_weights.py`: distances by hand, and one row for each data set."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from learning.made_up import SIZE, write_dataset

from posegrid.learning.model_facts import ModelFacts

SCRIPTS = Path(__file__).parents[2] / "scripts"
WEIGHTS = SCRIPTS.parent / "posegrid" / "weights" / "posegrid-m.onnx"


@pytest.fixture
def compare_weights(monkeypatch):
    monkeypatch.syspath_prepend(str(SCRIPTS))
    import compare_weights

    return compare_weights


def test_poses_that_are_too_large_are_off_by_their_size_alone(compare_weights, tmp_path):
    folder = write_dataset(tmp_path / "data", 4, background="masked")
    crops = compare_weights.judges_in(folder, 4)
    true_mm = crops.pose_view_mm
    facts = ModelFacts("posegrid_s", "bins", SIZE, "masked", "view", ((0.0, 0.0, 0.0),) * 17, {})
    model = SimpleNamespace(facts=facts, estimate=lambda _: SimpleNamespace(pose_mm=1.1 * true_mm))
    plain, scaled = compare_weights.off_mm(model, crops)
    assert plain == pytest.approx(0.1 * np.linalg.norm(true_mm, axis=-1).mean(), rel=1e-5)
    assert scaled == pytest.approx(0, abs=1e-3)


def test_folders_that_hold_no_data_end_in_a_sentence(tmp_path):
    command = [sys.executable, SCRIPTS / "compare_weights.py", tmp_path, "--weights", WEIGHTS]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert f"{tmp_path} is no finished data set" in done.stderr


def test_judges_are_the_validation_people(compare_weights, tmp_path):
    folder = write_dataset(tmp_path / "data", 6, background="masked")
    crops = compare_weights.judges_in(folder, 4)
    facts = compare_weights.load_dataset_facts(folder)
    assert len(crops) == 4 and set(crops.subject) == set(facts.subjects_of("validation"))
