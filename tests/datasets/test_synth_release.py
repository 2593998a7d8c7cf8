"""Which sequences a tree of rendered walkers has, and that it is gone on with as it was begun."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from posegrid.datasets import synth_release
from posegrid.datasets.human36m.layout import KEYPOINTS, SPLITS, view_path
from posegrid.datasets.human36m.release_writer import default_file_base
from posegrid.datasets.parallel import Finished
from posegrid.datasets.synth_plan import ACTION
from posegrid.datasets.synth_release import (
    RECORD_FILE,
    check_recorded_alike,
    is_recorded,
    record_plan,
    release_plans,
)
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.errors import SettingsError
from posegrid.walkers.clip import ClipPlan
from posegrid.walkers.render.cameras import CAMERA_IDS


def settings_for(out: Path, **changes: object) -> SynthSettings:
    return SynthSettings(out, layout="human36m", frames=8, picture_size=240, **changes)  # type: ignore[arg-type]


def finish(root: Path, plan: ClipPlan) -> None:
    """The file that is written last."""
    base = default_file_base(ACTION, plan.subaction, plan.subject)
    path = view_path(root, plan.subject, KEYPOINTS, base, CAMERA_IDS[-1])
    path.parent.mkdir(parents=True)
    path.touch()


def test_every_subject_has_two_sequences_before_cameras_of_its_own(tmp_path: Path) -> None:
    plans = release_plans(settings_for(tmp_path))
    everybody = [name for part in SPLITS["subjects-5-2"].values() for name in part]
    assert Counter((plan.subject, plan.subaction) for plan in plans) == Counter(
        (subject, subaction) for subject in everybody for subaction in (1, 2)
    )
    assert {(plan.num_frames, plan.picture_size) for plan in plans} == {(8, 240)}
    centres = {}
    for plan in plans:
        cameras = plan.cameras()
        assert tuple(cameras) == CAMERA_IDS and cameras[CAMERA_IDS[0]].size_wh[0] == 240
        centres.setdefault(plan.subject, []).append(cameras[CAMERA_IDS[0]].centre_world_mm)
    for first, second in centres.values():
        np.testing.assert_array_equal(first, second)
    assert len({tuple(first) for first, _ in centres.values()}) == len(everybody)


def test_one_subject_alone_is_the_same_as_among_all(tmp_path: Path) -> None:
    alone = release_plans(settings_for(tmp_path, subjects=("S8",)))
    assert alone == [p for p in release_plans(settings_for(tmp_path)) if p.subject == "S8"]
    assert len(alone) == 2


def test_a_tree_is_gone_on_with_by_the_same_settings_only(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    check_recorded_alike(settings)
    written = (tmp_path / RECORD_FILE).read_text()
    assert json.loads(written)["frames"] == 8 and json.loads(written)["layout"] == "human36m"
    check_recorded_alike(replace(settings, workers=settings.workers + 1))
    for changes in ({"frames": 9}, {"seed": 1}, {"scenes": "varied"}):
        with pytest.raises(SettingsError, match=r"begun with other settings \(see .*synth\.json\)"):
            check_recorded_alike(replace(settings, **changes))
    assert (tmp_path / RECORD_FILE).read_text() == written


def test_a_sequence_is_recorded_when_its_last_file_is_there_and_then_left(tmp_path, monkeypatch):
    first, second = release_plans(settings_for(tmp_path, subjects=("S1",)))
    assert not is_recorded(tmp_path, "S1", 1)
    finish(tmp_path, first)
    assert is_recorded(tmp_path, "S1", 1) and not is_recorded(tmp_path, "S1", 2)
    filmed = []
    monkeypatch.setattr(synth_release, "film", filmed.append)
    monkeypatch.setattr(synth_release, "record", lambda clip, root: filmed.append(root))
    assert record_plan(first, tmp_path) == Finished(first.name, 4 * 8) and filmed == []
    assert record_plan(second, tmp_path) == Finished(second.name, 4 * 8)
    assert filmed == [second, tmp_path]
