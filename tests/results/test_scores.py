"""3DPCK and AUC as MPI-INF-3DHP's papers count them: by hand, and by a slow second implementation
in its own order.
"""

from dataclasses import replace

import numpy as np
import pytest
from results.made_up import poses, predictions_of

from posegrid.body.skeleton import JOINT_NAMES
from posegrid.datasets.mpi_inf_3dhp.annotations import TEST_TO_17
from posegrid.results.evaluate import evaluation
from posegrid.results.predictions import Predictions
from posegrid.results.scores import JOINTS, SCENES, VALID_FRAMES, pck_and_auc, scores_3dhp
from posegrid.results.tables import pck_table, run_row, score_rows

GROUPS = {
    "Head": [1],
    "Neck": [2],
    "Shou": [3, 6],
    "Elbow": [4, 7],
    "Wrist": [5, 8],
    "Hip": [9, 12],
    "Knee": [10, 13],
    "Ankle": [11, 14],
}
"""The test set's own groups, counted from 1 in its own order of joints."""


def made_up(count: int = 12, **facts: object) -> Predictions:
    truth = poses(count, seed=3)
    estimate = truth + np.random.default_rng(1).normal(0, 70, truth.shape).astype(np.float32)
    subjects = np.array([f"TS{1 + index % 6}" for index in range(count)])
    actions = np.array(["Sports" if index % 3 else "Standing/Walking" for index in range(count)])
    found = predictions_of(estimate, truth, subject=subjects, action=actions)
    source = {
        "source": "MPI-INF-3DHP",
        "synthetic": False,
        "poses": "universal",
        "trained_subjects": ["S1"],
    }
    more = {"frames": "every frame", "network": "posegrid_s"}
    return replace(found, facts={**found.facts, **source, **more, **facts})


def slowly(estimate: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """The sums of the groups' shares, each weighed by its joints, as the test set's evaluation adds
    them up.
    """
    order = np.argsort(TEST_TO_17)
    error = np.linalg.norm((estimate - estimate[:, :1]) - (truth - truth[:, :1]), axis=-1)[:, order]
    at_150, curve, count = 0.0, np.zeros(31), 0
    for joints in GROUPS.values():
        for joint in joints:
            at_150 += sum(1 for value in error[:, joint - 1] if value < 150) / len(error)
            for step in range(31):
                curve[step] += sum(1 for value in error[:, joint - 1] if value < 5 * step) / len(
                    error
                )
            count += 1
    assert count == 14
    return at_150 / count, sum(curve / count) / 31


def test_the_joints_are_those_of_the_papers_groups():
    numbers = sorted(number for group in GROUPS.values() for number in group)
    assert sorted(TEST_TO_17[joint] + 1 for joint in JOINTS) == numbers
    assert [JOINT_NAMES[joint] for joint in range(17) if joint not in JOINTS] == [
        "pelvis",
        "spine",
        "nose",
    ]


def test_by_hand():
    """Of two joints one is 75 mm off, the other 150: only the first counts, from 80 mm on in 15 of
    31 thresholds.
    """
    assert pck_and_auc(np.array([[75.0, 150.0]])) == {
        "num_poses": 1,
        "pck_150mm": 0.5,
        "auc_0_150mm": pytest.approx(0.5 * 15 / 31),
    }
    assert pck_and_auc(np.zeros((2, 14)))["auc_0_150mm"] == pytest.approx(30 / 31)
    assert pck_and_auc(np.full((1, 14), 149.99))["pck_150mm"] == 1


def test_it_is_what_the_slow_way_finds():
    found = made_up()
    figures = scores_3dhp(found)
    assert figures is not None
    pck, auc = slowly(found.pose_pred_cam_mm.astype(float), found.pose_true_cam_mm.astype(float))
    assert 0.3 < pck < 0.99
    assert (figures["pck_150mm"], figures["auc_0_150mm"]) == (
        pytest.approx(pck),
        pytest.approx(auc),
    )
    for scene, subjects in SCENES.items():
        rows = np.isin(found.subject, subjects)
        pck, auc = slowly(
            found.pose_pred_cam_mm[rows].astype(float), found.pose_true_cam_mm[rows].astype(float)
        )
        part = figures["per_scene"][scene]
        assert (part["pck_150mm"], part["auc_0_150mm"]) == (pytest.approx(pck), pytest.approx(auc))
    parts = figures["per_activity"].values()
    assert sum(part["num_poses"] for part in parts) == len(found)
    assert sum(part["num_poses"] * part["pck_150mm"] for part in parts) / len(
        found
    ) == pytest.approx(figures["pck_150mm"])


def test_pelvis_spine_and_nose_do_not_count():
    found = made_up()
    spoilt = found.pose_pred_cam_mm.copy()
    spoilt[:, [JOINT_NAMES.index("spine"), JOINT_NAMES.index("nose")]] += 1000
    assert scores_3dhp(replace(found, pose_pred_cam_mm=spoilt)) == scores_3dhp(found)


def test_other_data_are_scored_over_all_joints():
    figures = evaluation(made_up(source="Human3.6M"))
    assert figures["mpi_inf_3dhp"] is None and pck_table(figures) is None
    names = [name for name, _, _ in score_rows(figures)]
    assert "3DPCK, 17 joints within 150 mm" in names


def test_the_tables_show_the_papers_figures_alone():
    figures = evaluation(made_up())
    rows = {name: value for name, value, _ in score_rows(figures)}
    shown = rows["3DPCK, 14 joints below 150 mm, as MPI-INF-3DHP's papers"]
    assert shown == f"{100 * figures['mpi_inf_3dhp']['pck_150mm']:.1f} %"
    assert not any("17 joints within" in name for name in rows)
    table = pck_table(figures)
    assert table is not None and table.row_count == 3 + 2


def test_the_comparison_has_columns_of_its_own_for_them():
    columns = {str(column): value for column, value in run_row(evaluation(made_up())).figures}
    (name,) = [
        name for name in columns if name.startswith("3DPCK of 14 joints, 150 mm, %; MPI-INF-3DHP")
    ]
    assert columns[name] == pytest.approx(100 * evaluation(made_up())["mpi_inf_3dhp"]["pck_150mm"])
    others = {str(column) for column, _ in run_row(evaluation(made_up(poses="mono"))).figures}
    assert not any("3DPCK of 14 joints, 150 mm, %" in other for other in others)


def test_what_differs_from_the_papers_is_said():
    assert sum(VALID_FRAMES.values()) == 2929
    warnings = evaluation(made_up(poses="mono"))["warnings"]
    assert any("prepare --poses universal" in text for text in warnings)
    assert any("TS1 2, TS2 2" in text and "2929 valid ones" in text for text in warnings)
    subjects = np.repeat(list(VALID_FRAMES), list(VALID_FRAMES.values()))
    whole = predictions_of(poses(2929), poses(2929), subject=subjects)
    facts = {**made_up().facts}
    figures = scores_3dhp(replace(whole, facts=facts))
    assert figures is not None and figures["differs_from_papers"] == []
