"""Tables of the documentation, from the files that runs leave."""

import importlib.util
import json
from pathlib import Path

import pytest

from posegrid.errors import SettingsError, SourceError

SCRIPT = Path(__file__).parents[2] / "scripts" / "results_table.py"
PAGE = "before\n<!-- table: claim -->\nold\n<!-- end: claim -->\nafter\n"
ERRORS = {"n_mpjpe_mm": 40.0, "pa_mpjpe_mm": 30.0, "pck_150mm": 0.9}


@pytest.fixture(scope="module")
def table():
    spec = importlib.util.spec_from_file_location("results_table", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def write_arm(folder: Path, curve: list[tuple[float, float]], test_mm: float) -> None:
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text(json.dumps({"mpjpe_mm": test_mm, **ERRORS}))
    rows = "\n".join(f"{seconds},{mpjpe_mm}" for seconds, mpjpe_mm in curve)
    (folder / "metrics.csv").write_text("total_cpu_seconds,validation_mpjpe_mm\n" + rows + "\n")


def test_arms_are_compared_seed_by_seed(table, tmp_path):
    """Equal images: 80 - 90 and 84 - 90. Equal time: the pre-trained one after 100 s is half way
    from 100 to 80.
    """
    for seed, best in ((0, 80.0), (1, 84.0)):
        write_arm(tmp_path / "net" / "scratch" / str(seed), [(50, 120), (100, 90)], 95.0)
        write_arm(tmp_path / "net" / "convolutions" / str(seed), [(80, 100), (120, best)], best + 5)
    head, _, scratch, convolutions = table.claim_table(tmp_path)
    assert head.startswith("| `net` | validation | test")
    assert scratch == "| from scratch | 90.0 ± 0.0 | 95.0 ± 0.0 | 40.0 ± 0.0 | 100 |  |  | 2 |"
    assert convolutions.startswith(
        "| grid first, convolutions taken over | 82.0 ± 2.8 | 87.0 ± 2.8 | 40.0 ± 0.0 | "
    )
    assert convolutions.endswith(" | 120 | -8.0 ± 2.8 | +1.0 ± 1.4 | 2 |")


def test_baselines_stand_beside_the_mean_pose(table, tmp_path):
    folder = tmp_path / "knn_hog"
    folder.mkdir()
    own = {"mpjpe_mm": 84.6, **ERRORS, "training_images": 36000, "training_cpu_seconds": 90.0}
    (folder / "evaluation.json").write_text(
        json.dumps({**own, "mean_pose": {"mpjpe_mm": 166.9, **ERRORS}})
    )
    cost = {"parameters": 65e6, "multiply_adds": 63e6, "cpu_ms_per_crop": 1.234}
    (folder / "cost.json").write_text(json.dumps(cost))
    lines = table.baselines_table(tmp_path)
    assert lines[2].startswith("| mean pose | 51 |") and "166.9" in lines[2]
    assert lines[3] == (
        "| nearest neighbours on HOG | 65.00 M | 63 M | 1.23 | 36,000 | 1.5 | 84.6 | 40.0 | 30.0 | 90.0 % |"
    )


def test_the_weights_on_both_fixed_sets(table, tmp_path):
    own = {
        "num_poses": 10000,
        "mpjpe_mm": 57.3,
        **ERRORS,
        "size_floor_mpjpe_mm": 39.9,
        "mean_pose_mpjpe_mm": 168.1,
    }
    own["per_axis_mm"] = {"x": 19.4, "y": 32.0, "z": 32.4}
    own["left_right_swapped_share"] = {"legs": 0.004, "arms": 0.0}
    says = {
        "within_radius_share": {"once": 0.674, "twice": 0.975},
        "keypoint_error_px": {"mean": 1.8, "median": 1.3},
    }
    empty = dict.fromkeys(says)
    for name, values in zip(table.FIXED_SETS, (says, empty, says), strict=True):
        folder = tmp_path / f"evaluation_{name}"
        with pytest.raises(SourceError, match=f"evaluation_{name}.*release.sh makes it"):
            table.weights_table(tmp_path)
        folder.mkdir()
        (folder / "evaluation.json").write_text(json.dumps({**own, **values}))
    rows = {
        line.split(" | ")[0][2:]: line.split(" | ")[1:] for line in table.weights_table(tmp_path)
    }
    assert rows["mm"] == ["walkers-test", "walkers-hard", "walkers-everybody |"]
    assert rows["MPJPE"] == ["57.3", "57.3", "57.3 |"]
    assert rows["legs, arms nearer with left and right exchanged"][0] == "0.4 %, 0.0 %"
    floor, radius, places = (
        next(v for k, v in rows.items() if word in k) for word in ("floor", "radius", "places")
    )
    assert floor[0] == "39.9 (the weights: +17.4)"
    assert radius == ["67.4 %, 97.5 %", "", "67.4 %, 97.5 % |"]
    assert places == ["1.8 / 1.3", "", "1.8 / 1.3 |"]


def test_only_what_is_between_the_marks_is_replaced(table):
    assert table.with_table(PAGE, "claim", ["new", "lines"]) == PAGE.replace("old", "new\nlines")
    for page in ("nothing", PAGE + PAGE):
        with pytest.raises(SettingsError, match="must have the lines <!-- table: claim -->"):
            table.with_table(page, "claim", ["new"])


def test_a_folder_without_results_is_refused(table, tmp_path):
    for make in (table.claim_table, table.baselines_table):
        with pytest.raises(SourceError, match="holds no results"):
            make(tmp_path)


def test_the_pages_have_their_marks(table):
    docs = SCRIPT.parents[1] / "docs"
    for page, name in (("results.md", "baselines"), ("claim-table.md", "claim")):
        assert "new" in table.with_table((docs / page).read_text(), name, ["new"])
