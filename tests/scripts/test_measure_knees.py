"""The table of how far knees are off, by hand values."""

import csv
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from posegrid.motion.angles import KNEE_ERRORS, on_knees

SCRIPT = Path(__file__).parents[2] / "scripts" / "measure_knees.py"


@pytest.fixture(scope="module")
def knees():
    pytest.importorskip("numba")
    spec = importlib.util.spec_from_file_location("measure_knees", SCRIPT)
    assert spec and spec.loader
    module = sys.modules["measure_knees"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_errors_are_told_by_the_true_flexion(knees):
    true = np.linspace(0.0, 70.0, 101)  # so that said = 10 + true / 2 is right at 20 degrees
    curves = np.stack([true, 10 + true / 2, np.arange(101) < 60])[None]
    errors = knees.errors_deg(curves)
    assert errors["bent by 0 to 10"] == pytest.approx(7.5, abs=0.2)
    assert errors["bent by over 60"] == pytest.approx(-22.5, abs=0.2)
    assert errors["in stance, on average"] == pytest.approx(10 - true[:60].mean() / 2)
    assert errors["at their most bent"] == pytest.approx(-25)
    assert errors["range"] == pytest.approx(-35)


def test_a_clip_without_a_straight_knee_counts_in_the_other_rows(knees):
    true = np.linspace(15.0, 70.0, 101)
    bent = knees.errors_deg(np.stack([true, true, np.ones(101)])[None])
    whole = knees.errors_deg(np.stack([true - 15, true - 13, np.ones(101)])[None])
    again = knees.errors_deg(np.stack([true - 15, true - 11, np.ones(101)])[None])
    rows = {part: (mean, n) for part, mean, _, n in knees.table_of([bent, whole, again])}
    assert rows["bent by 0 to 10"] == (pytest.approx(3), 2)
    assert rows["bent by 20 to 30"] == (pytest.approx(2), 3)


def test_what_is_written_is_what_gait_says(knees, tmp_path, monkeypatch):
    page, table = tmp_path / "gait.md", tmp_path / "knees.csv"
    page.write_text("<!-- table: knees -->\nold\n<!-- end: knees -->\n")
    monkeypatch.setattr(knees, "PAGE", page)
    monkeypatch.setattr(knees, "KNEE_ERRORS", table)
    monkeypatch.setattr("posegrid.motion.angles.KNEE_ERRORS", table)
    rows = [("bent by 0 to 10", 7.4, 1.0, 3), ("at their most bent", -3.6, 2.0, 3)]
    knees.publish(rows, "mine.onnx", write=True)
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
