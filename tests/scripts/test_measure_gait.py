"""How far gait figures are off: the tables, by hand values."""

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from posegrid.motion.angles import KNEE_ERRORS, on_knees
from posegrid.motion.gait import Gait
from posegrid.motion.gait_events import FootEvents

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_gait.py"


@pytest.fixture(scope="module")
def measure():
    pytest.importorskip("numba")
    spec = importlib.util.spec_from_file_location("measure_gait", SCRIPT)
    assert spec and spec.loader
    module = sys.modules["measure_gait"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_errors_are_told_by_the_true_flexion(measure):
    true = np.linspace(0.0, 70.0, 101)  # so that said = 10 + true / 2 is right at 20 degrees
    curves = np.stack([true, 10 + true / 2, np.arange(101) < 60])[None]
    errors = measure.errors_deg(curves)
    assert errors["bent by 0 to 10"] == pytest.approx(7.5, abs=0.2)
    assert errors["bent by over 60"] == pytest.approx(-22.5, abs=0.2)
    assert errors["in stance, on average"] == pytest.approx(10 - true[:60].mean() / 2)
    assert errors["at their most bent"] == pytest.approx(-25)
    assert errors["range"] == pytest.approx(-35)


def test_a_clip_without_a_straight_knee_counts_in_the_other_rows(measure):
    true = np.linspace(15.0, 70.0, 101)
    bent = measure.errors_deg(np.stack([true, true, np.ones(101)])[None])
    whole = measure.errors_deg(np.stack([true - 15, true - 13, np.ones(101)])[None])
    again = measure.errors_deg(np.stack([true - 15, true - 11, np.ones(101)])[None])
    rows = {part: (mean, n) for part, mean, _, n in measure.table_of([bent, whole, again])}
    assert rows["bent by 0 to 10"] == (pytest.approx(3), 2)
    assert rows["bent by 20 to 30"] == (pytest.approx(2), 3)


def test_what_is_written_is_what_gait_says(measure, tmp_path, monkeypatch):
    page, table = tmp_path / "gait.md", tmp_path / "knees.csv"
    page.write_text("<!-- table: knees -->\nold\n<!-- end: knees -->\n")
    monkeypatch.setattr(measure, "PAGE", page)
    monkeypatch.setattr(measure, "KNEE_ERRORS", table)
    monkeypatch.setattr("posegrid.motion.angles.KNEE_ERRORS", table)
    rows = [("bent by 0 to 10", 7.4, 1.0, 3), ("at their most bent", -3.6, 2.0, 3)]
    measure.publish(rows, "mine.onnx", write=True)
    assert "mine.onnx" in on_knees() and "7 degrees too bent" in on_knees()
    assert (
        "| at their most bent | -4 ± 2 | 3 |" in page.read_text() and "old" not in page.read_text()
    )


def test_the_page_has_the_rows_that_gait_reads():
    text = (SCRIPT.parents[1] / "docs" / "gait.md").read_text(encoding="utf-8")
    with KNEE_ERRORS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) >= 5
    for row in rows:
        mean, spread = float(row["too_bent_deg"]), float(row["spread_deg"])
        assert f"| {row['part']} | {mean:+.0f} ± {spread:.0f} | {row['clips']} |" in text


def test_intraclass_is_that_of_shrout_and_fleiss(measure):
    """Psychological Bulletin 1979, table 2 and 4: six targets, four judges; ICC(2,1) is 0.29."""
    judged = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
    assert measure.intraclass(np.array(judged, float)) == pytest.approx(0.2898, abs=1e-4)


def test_limits_of_agreement_by_hand(measure):
    true = np.array([100.0, 110.0, 120.0, 130.0])
    bias, low, high, icc = measure.agreement(np.stack([true, true + [4, 2, 2, 0]], axis=1))
    half = 1.96 * np.sqrt(8 / 3)
    assert (bias, low, high) == pytest.approx((2, 2 - half, 2 + half))
    assert 0.95 < icc < 1


def test_events_are_compared_with_the_nearest_true_one_of_the_same_foot(measure):
    contacts = np.zeros((100, 2), dtype=bool)
    contacts[10:40, 0] = contacts[60:90, 0] = contacts[35:65, 1] = True
    events = {
        "left": FootEvents(np.array([0.21, 1.17]), np.array([0.83])),
        "right": FootEvents(np.array([0.69]), np.array([])),
    }
    gait = Gait(events, (), {}, (), 90.0)
    strikes, offs = measure.late_s(gait, contacts, 50.0)
    assert strikes == pytest.approx([0.02, -0.02, 0.0])
    assert offs == pytest.approx([0.04])


def test_the_range_of_elbows_is_the_mean_of_both_sides(measure):
    """Hanging arms; in the last frame the right forearm points forwards: 90 and 0 degrees."""
    arms_mm = np.zeros((3, 17, 3))
    arms_mm[:, 11:14, 1] = arms_mm[:, 14:17, 1] = [0.0, 300.0, 550.0]
    arms_mm[2, 16] = [0.0, 300.0, -250.0]
    assert measure.elbow_range_deg(arms_mm) == pytest.approx(45, abs=1e-4)
