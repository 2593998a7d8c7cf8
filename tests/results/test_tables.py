"""A run beside published figures: what was measured differently never stands in one column."""

from typing import Any

import pytest

from posegrid.errors import SettingsError
from posegrid.results.tables import (
    ROWS,
    S11_ONLY,
    USUAL,
    WALKING,
    Column,
    Row,
    comparison_markdown,
    published_row,
    run_row,
    split_of,
    table_rows,
)

FIVE = ["S1", "S5", "S6", "S7", "S8"]


def evaluation(**changes: Any) -> dict[str, Any]:
    """An evaluation.json of 100 poses of Walking, 50 mm off."""
    values = {
        "weights": "best.safetensors",
        "network": "posegrid_s",
        "trained_subjects": FIVE,
        "subjects": ["S9", "S11"],
        "synthetic": False,
        "frames": "one frame in 5",
        "num_joints": 17,
        "num_poses": 100,
        "per_action": {"Walking": {"mpjpe_mm": 50.0}},
        "warnings": [],
    }
    return {**values, **changes}


def column_of(values: dict[str, Any]) -> Column:
    ((column, _),) = run_row(values).figures
    return column


def test_the_usual_split_shares_the_published_column():
    published = {column for row in ROWS for column, _ in published_row(row).figures}
    assert column_of(evaluation()) in published
    assert column_of(evaluation(trained_subjects=["S1", "S5", "S6", "S7"])) in published
    assert column_of(evaluation(subjects=["S11"])).split == S11_ONLY


@pytest.mark.parametrize(
    "changes",
    [
        {"synthetic": True},
        {"trained_subjects": [*FIVE, "S9"]},
        {"subjects": ["S9"]},
        {"source": "MPI-INF-3DHP"},
        {"source": "own recordings"},
        {"poses": "universal"},
        {"subjects": ["S8", "S9", "S11"]},
    ],
    ids=str,
)
def test_what_was_measured_otherwise_has_a_column_of_its_own(changes):
    published = {column for row in ROWS for column, _ in published_row(row).figures}
    assert column_of(evaluation(**changes)) not in published


def test_training_on_a_test_subject_is_never_the_usual_split():
    assert split_of(FIVE, ["S9", "S11"], recorded=True) == USUAL
    assert split_of([*FIVE, "S11"], ["S11"], recorded=True) == "train S1 S5 S6 S7 S8 S11, test S11"
    assert (
        split_of([f"W{i}" for i in range(20)], ["T1"], recorded=False)
        == "train 20 subjects, test T1"
    )


def test_the_mean_of_the_actions_is_the_mean_of_their_means():
    per_action = {f"Action{i}": {"mpjpe_mm": float(10 * i)} for i in range(14)} | {
        WALKING: {"mpjpe_mm": 50.0}
    }
    figures = {
        column.actions: value
        for column, value in run_row(evaluation(per_action=per_action)).figures
    }
    assert figures == {
        "Walking": 50.0,
        "15 actions": pytest.approx((10 * sum(range(14)) + 50) / 15),
    }


def test_two_figures_for_one_column_are_refused():
    column = Column("Human3.6M", USUAL, "MPJPE", WALKING)
    with pytest.raises(SettingsError, match="two figures"):
        table_rows([Row("", "mine", "image", "", ((column, 1.0), (column, 2.0)))])


def test_a_file_that_says_too_little_is_refused():
    values = evaluation()
    del values["trained_subjects"]
    with pytest.raises(SettingsError, match="does not say its trained_subjects: evaluate it again"):
        run_row(values)


def test_the_table_has_every_published_row_and_the_run_last():
    lines = comparison_markdown(evaluation()).splitlines()
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + len(ROWS) + 1
    assert len({line.count("|") for line in table}) == 1
    assert "**50.0**" in table[-1] and "one frame in 5" in table[-1]
    tekin = next(line for line in table if "with autoencoder" in line)
    assert "| 65.75 |" in tekin


def test_rendered_people_are_said_to_be_comparable_with_nobody():
    text = comparison_markdown(evaluation(synthetic=True))
    assert "no published figure can be compared" in text
    assert "rendered people" in text.splitlines()[0]
