import json
import os
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
import tyro
from datasets.mpi_inf_3dhp.test_views import write_test, write_train

from posegrid.body.camera import Camera, look_at
from posegrid.body.skeleton import HUMAN36M_32_COINCIDING, HUMAN36M_32_TO_17
from posegrid.datasets import prepare as pipeline
from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.human36m.layout import KEYPOINTS, MASKS, POSES_CAMERA, VIDEOS, view_path
from posegrid.datasets.human36m.release_files import write_pose_cdf
from posegrid.datasets.human36m.release_writer import (
    ViewWriter,
    default_file_base,
    mark_synthetic,
    write_metadata,
    write_poses,
)
from posegrid.datasets.prepare import PrepareSettings, moved, prepare, share_of_joints_held
from posegrid.datasets.shards import load_shard_facts, shards_of
from posegrid.datasets.stored_crops import read_crops
from posegrid.errors import OutputError, SettingsError, SourceError
from posegrid.files import PART
from posegrid.learning.train import TrainSettings, train

CAMERAS = ("54138969", "55011271")
SUBJECTS = ("S1", "S8", "S9")
NUM_FRAMES = 5
SIZE_WH = (160, 144)
EMPTY_FRAME = 3
"""In this frame, the mask of S9's second camera is empty."""


def camera_of(number: int) -> Camera:
    centre = np.array([3500.0, 2500.0 * (-1) ** number, 1500.0])
    return Camera(
        (180.0 + number, 181.0),
        (81.0, 71.0),
        SIZE_WH,
        (-0.2, 0.2, 0.0, 0.001, -0.001),
        look_at(centre, np.zeros(3)),
        centre,
    )


def joints_of(subject: str) -> np.ndarray:
    """A cloud of 32 joints that moves sideways: world frame, mm."""
    rng = np.random.default_rng(SUBJECTS.index(subject))
    joints = rng.uniform((-250, -250, 0), (250, 250, 1700), (32, 3))
    for joint, same_as in HUMAN36M_32_COINCIDING:
        joints[joint] = joints[same_as]
    return joints + np.arange(NUM_FRAMES)[:, None, None] * np.array([0.0, 60.0, 0.0])


def picture_of(keypoints_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A person: the rectangle round the joints, shaded so that every place looks different; and its
    mask.
    """
    (x0, y0), (x1, y1) = (
        np.floor(keypoints_px.min(axis=0)).astype(int),
        np.ceil(keypoints_px.max(axis=0)).astype(int),
    )
    y, x = np.mgrid[: SIZE_WH[1], : SIZE_WH[0]]
    mask = (x >= x0) & (x < x1) & (y >= y0) & (y < y1)
    shade = np.where(mask, 90 + (x + y) / 2, 220).astype(np.uint8)
    return np.repeat(shade[..., None], 3, axis=2), mask


def write_view(root: Path, subject: str, number: int, num_frames: int = NUM_FRAMES) -> None:
    camera, camera_id, base = camera_of(number), CAMERAS[number], default_file_base("Walking", 2)
    joints = joints_of(subject)
    write_poses(root, subject, base, camera_id, joints, camera)
    with ViewWriter(root, subject, base, camera_id, 50, SIZE_WH, quality=10) as view:
        for i in range(num_frames):
            image, mask = picture_of(
                camera.project(camera.world_to_camera(joints[min(i, NUM_FRAMES - 1)]))
            )
            empty = (subject, number, i) == ("S9", 1, EMPTY_FRAME)
            view.write(image, np.zeros_like(mask) if empty else mask)


def write_tree(root: Path) -> None:
    for subject in SUBJECTS:
        for number in range(len(CAMERAS)):
            write_view(root, subject, number)
    cameras = {
        (subject, camera_id): camera_of(n)
        for subject in SUBJECTS
        for n, camera_id in enumerate(CAMERAS)
    }
    write_metadata(root, cameras, {(subject, "Walking", 2): NUM_FRAMES for subject in SUBJECTS})
    mark_synthetic(root, "rectangles")


@pytest.fixture(scope="module")
def finished_tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("human36m")
    write_tree(root)
    return root


@pytest.fixture
def tree(finished_tree, tmp_path) -> Path:
    """A copy to damage."""
    root = tmp_path / "human36m"
    for path in finished_tree.rglob("*"):
        if path.is_file():
            copy = root / path.relative_to(finished_tree)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(path.read_bytes())
    return root


def settings_of(root: Path, out: Path, **changes) -> PrepareSettings:
    defaults = {"image_size": 64, "image_format": "png", "workers": 1}
    return PrepareSettings(root, out, **(defaults | changes))


def file_of(root: Path, kind: str, subject: str, number: int) -> Path:
    return view_path(root, subject, kind, default_file_base("Walking", 2), CAMERAS[number])


def times_of(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


# --- the whole way


def test_a_tree_becomes_crops_with_everything_known_about_them(finished_tree, tmp_path):
    facts = prepare(settings_of(finished_tree, tmp_path / "out"))
    assert facts == load_dataset_facts(tmp_path / "out")
    assert facts.splits == {"train": ["S1"], "validation": ["S8"], "test": ["S9"]}
    assert (facts.num_crops, facts.synthetic, facts.image_size, facts.skipped) == (29, True, 64, [])
    crops = read_crops(tmp_path / "out", ["S9"])
    assert crops.camera_id.tolist() == [CAMERAS[0]] * 5 + [CAMERAS[1]] * 4
    assert crops.frame_index.tolist() == [0, 1, 2, 3, 4, 0, 1, 2, 4]
    assert np.allclose(crops.time_s, crops.frame_index / 50)
    assert set(crops.action) == {"Walking"}
    assert set(crops.subaction) == {2}
    for i in (1, 6):
        camera = camera_of(CAMERAS.index(crops.camera_id[i]))
        joints = camera.world_to_camera(joints_of("S9")[crops.frame_index[i]])[
            list(HUMAN36M_32_TO_17)
        ]
        assert np.allclose(crops.root_cam_mm[i], joints[0], atol=0.01)
        assert np.allclose(crops.pose_cam_mm[i], joints - joints[0], atol=0.01)


def test_the_crop_camera_projects_the_pose_onto_the_keypoints(finished_tree, tmp_path):
    prepare(settings_of(finished_tree, tmp_path / "out", subjects=("S1",)))
    crops = read_crops(tmp_path / "out")
    for i in range(len(crops)):
        fx, fy, cx, cy = crops.crop_camera[i]
        camera = Camera((fx, fy), (cx, cy), (64, 64), camera_of(0).distortion)
        projected = camera.project((crops.pose_cam_mm[i] + crops.root_cam_mm[i]).astype(np.float64))
        assert np.abs(projected - crops.keypoints_crop_px[i]).max() < 0.01


def test_the_person_fills_the_crop_up_to_the_margin_and_the_background_is_black(
    finished_tree, tmp_path
):
    prepare(settings_of(finished_tree, tmp_path / "out", subjects=("S1",), margin=0.25))
    images = read_crops(tmp_path / "out").images
    for image in images:
        lit = image > 20
        high, wide = lit.any(axis=1).sum(), lit.any(axis=0).sum()
        assert max(high, wide) == pytest.approx(64 / 1.25, abs=2)
        rows, columns = np.flatnonzero(lit.any(axis=1)), np.flatnonzero(lit.any(axis=0))
        assert rows[0] + rows[-1] == pytest.approx(63, abs=1)
        assert columns[0] + columns[-1] == pytest.approx(63, abs=1)
        assert not image[:4].any()


def test_the_background_can_be_kept(finished_tree, tmp_path):
    facts = prepare(
        settings_of(finished_tree, tmp_path / "out", subjects=("S1",), background="kept")
    )
    assert facts.background == "kept"
    assert (read_crops(tmp_path / "out").images[:, 32, 2] > 150).all()


def test_masks_stand_beside_crops_grey_or_in_colour(finished_tree, tmp_path):
    grey, coloured = (
        settings_of(
            finished_tree, tmp_path / name, subjects=("S1",), background=name, image_format="png"
        )
        for name in ("masked", "masked_colour")
    )
    prepare(grey)
    prepare(coloured)
    known, seen = read_crops(grey.out), read_crops(coloured.out)
    assert seen.images.shape[1] == 3 and np.array_equal(seen.masks, known.masks)
    assert np.abs(seen.grey.astype(int) - known.images).mean() < 1  # the video's own brightness
    assert seen.inputs[:, 3].any() and not seen.inputs[:, 3].all()


def test_flags_choose_what_is_prepared(finished_tree, tmp_path):
    chosen = settings_of(
        finished_tree,
        tmp_path / "out",
        subjects=("S1", "S8"),
        cameras=(CAMERAS[1],),
        every_nth_frame=2,
        image_format="jpeg",
        split="walking2015",
    )
    facts = prepare(chosen)
    crops = read_crops(tmp_path / "out")
    assert sorted(set(crops.subject)) == ["S1", "S8"]
    assert set(crops.camera_id) == {CAMERAS[1]}
    assert crops.frame_index.tolist() == [0, 2, 4, 0, 2, 4]
    assert facts.image_format == "jpeg"
    assert facts.splits == {"train": ["S1", "S8"], "validation": [], "test": []}


def test_a_frame_is_taken_once_some_joint_has_moved_far_enough():
    """A joint that moves 15 mm a frame: 40 mm have passed after three frames, and again after
    three.
    """
    poses_mm = np.zeros((8, 17, 3))
    poses_mm[:, 3, 2] = 15.0 * np.arange(8)
    taken = [0]
    for index in range(1, 8):
        if moved(poses_mm[index], poses_mm[taken[-1]], 40.0):
            taken.append(index)
    assert taken == [0, 3, 6]
    assert moved(poses_mm[0], poses_mm[0], 0.0)


def test_frames_too_like_the_last_one_are_left_out(finished_tree, tmp_path):
    one_view = {"subjects": ("S1",), "cameras": (CAMERAS[0],)}
    prepare(settings_of(finished_tree, tmp_path / "all", **one_view))
    every = read_crops(tmp_path / "all")
    world_mm = every.pose_cam_mm + every.root_cam_mm[:, None]
    step_mm = np.linalg.norm(np.diff(world_mm, axis=0), axis=-1).max(axis=1)
    prepare(
        settings_of(
            finished_tree, tmp_path / "few", min_motion_mm=float(step_mm.max() + 1e4), **one_view
        )
    )
    assert read_crops(tmp_path / "few").frame_index.tolist() == [0]
    prepare(
        settings_of(
            finished_tree, tmp_path / "same", min_motion_mm=float(0.5 * step_mm.min()), **one_view
        )
    )
    assert read_crops(tmp_path / "same").frame_index.tolist() == every.frame_index.tolist()


def test_every_choice_is_recorded(finished_tree, tmp_path):
    """In every shard and in dataset.json, by its name, as it was given."""
    settings = settings_of(finished_tree, tmp_path / "out", subjects=("S1",), margin=0.3)
    prepare(settings)
    recorded = json.loads((tmp_path / "out" / "dataset.json").read_text())["settings"]
    given = {name: list(v) if isinstance(v, tuple) else v for name, v in asdict(settings).items()}
    assert recorded == {
        name: str(value) if name == "root" else value
        for name, value in given.items()
        if name not in ("out", "workers", "cluster")
    }
    for path in shards_of(tmp_path / "out"):
        assert load_shard_facts(path).settings == recorded


def test_several_workers_write_the_same_crops(finished_tree, tmp_path):
    for workers in (1, 2):
        prepare(
            settings_of(finished_tree, tmp_path / str(workers), subjects=("S1",), workers=workers)
        )
    one, two = (read_crops(tmp_path / str(workers)) for workers in (1, 2))
    assert np.array_equal(one.images, two.images)
    assert np.array_equal(one.window, two.window)


def test_frames_without_a_person_are_left_out_and_counted(finished_tree, tmp_path):
    facts = prepare(settings_of(finished_tree, tmp_path / "out"))
    assert ["S9 Walking 2 55011271", "1 frame left out: the mask is empty"] in facts.notes


def test_the_command_line_reaches_every_setting(tmp_path):
    arguments = [
        "in",
        "out",
        "--subjects",
        "S1",
        "S9",
        "--actions",
        "--every-nth-frame",
        "5",
        "--image-format",
        "png",
    ]
    settings = tyro.cli(PrepareSettings, args=arguments)
    assert (settings.root, settings.subjects, settings.actions) == (Path("in"), ("S1", "S9"), ())
    assert (settings.every_nth_frame, settings.image_format, settings.image_size) == (5, "png", 128)


# --- going on


def test_a_second_call_rewrites_nothing(finished_tree, tmp_path):
    settings = settings_of(finished_tree, tmp_path / "out", subjects=("S1",))
    first = prepare(settings)
    before = times_of(settings.out)
    assert prepare(settings) == first
    assert times_of(settings.out) == before


def test_a_call_that_was_stopped_goes_on(finished_tree, tmp_path, monkeypatch):
    settings = settings_of(finished_tree, tmp_path / "out", subjects=("S1",))
    whole = prepare(replace(settings, out=tmp_path / "whole"))
    crop_row = pipeline.crop_row

    def stopped(sequence, frame, settings):
        if sequence.camera_id == CAMERAS[1] and frame.index == 2:
            raise KeyboardInterrupt
        return crop_row(sequence, frame, settings)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(pipeline, "crop_row", stopped)
        prepare(settings)
    assert [path.name for path in settings.out.iterdir()] == [f"S1_Walking_2_{CAMERAS[0]}.parquet"]
    before = times_of(settings.out)
    (settings.out / f".S1_killed.01234567{PART}.parquet").write_bytes(b"half")
    assert prepare(settings) == whole
    assert times_of(settings.out).items() >= before.items()
    assert len(list(settings.out.iterdir())) == 3


@pytest.mark.parametrize(
    ("name", "value"), [("margin", 0.2), ("background", "kept"), ("every_nth_frame", 2)]
)
def test_a_folder_begun_with_other_settings_is_left_alone(finished_tree, tmp_path, name, value):
    settings = settings_of(finished_tree, tmp_path / "out", subjects=("S1",), cameras=(CAMERAS[0],))
    prepare(settings)
    before = times_of(settings.out)
    with pytest.raises(SettingsError, match=rf"other settings.*{name} was .*, now {value!r}"):
        prepare(replace(settings, **{name: value}))
    assert times_of(settings.out) == before


# --- damage


def test_a_damaged_sequence_is_named_skipped_and_counted_and_the_others_are_prepared(
    tree, tmp_path, capsys
):
    poses = file_of(tree, POSES_CAMERA, "S1", 1)
    good = poses.read_bytes()
    poses.write_bytes(good[: len(good) // 2])
    settings = settings_of(tree, tmp_path / "out", subjects=("S1", "S8"))
    with pytest.raises(
        SourceError, match=r"1 of 4 sequences were skipped[\s\S]*S1 Walking 2 55011271"
    ):
        prepare(settings)
    facts = load_dataset_facts(settings.out)
    assert [name for name, _ in facts.skipped] == ["S1 Walking 2 55011271"]
    assert facts.num_crops == 15
    assert len(shards_of(settings.out)) == 3
    assert "skipped S1 Walking 2 55011271" in capsys.readouterr().out
    # Mended, it is all that the next call does.
    before = times_of(settings.out)
    poses.write_bytes(good)
    assert prepare(settings).skipped == []
    after = times_of(settings.out)
    assert {name for name in after if after[name] != before.get(name)} == {
        "dataset.json",
        "S1_Walking_2_55011271.parquet",
    }


def shorten_masks(tree: Path) -> None:
    """S1's first camera gets the masks of a shorter video."""
    base, camera_id = default_file_base("Walking", 2), CAMERAS[0]
    with ViewWriter(tree / "short", "S1", base, camera_id, 50, SIZE_WH) as view:
        for _ in range(3):
            view.write(
                np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8),
                np.ones((SIZE_WH[1], SIZE_WH[0]), bool),
            )
    os.replace(file_of(tree / "short", MASKS, "S1", 0), file_of(tree, MASKS, "S1", 0))


def lengthen_poses(tree: Path) -> None:
    for kind, dimensions in ((POSES_CAMERA, 3), (KEYPOINTS, 2)):
        joints = np.tile(np.array([0.0, 0.0, 4000.0])[:dimensions], (NUM_FRAMES + 4, 32, 1))
        write_pose_cdf(file_of(tree, kind, "S1", 0), joints)


def cut_video(tree: Path) -> None:
    path = file_of(tree, VIDEOS, "S1", 0)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def remove_masks(tree: Path) -> None:
    file_of(tree, MASKS, "S1", 0).unlink()


def poses_as_web_page(tree: Path) -> None:
    file_of(tree, POSES_CAMERA, "S1", 0).write_text("<!DOCTYPE html><html>Please log in</html>")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shorten_masks, "3 masks"),
        (lengthen_poses, "9 poses"),
        (cut_video, "Walking"),
        (remove_masks, "no masks"),
        (poses_as_web_page, "web page"),
    ],
)
def test_a_sequence_that_does_not_fit_together_leaves_no_shard(tree, tmp_path, damage, message):
    damage(tree)
    settings = settings_of(tree, tmp_path / "out", subjects=("S1",))
    with pytest.raises(SourceError, match="1 of 2 sequences were skipped"):
        prepare(settings)
    [[name, reason]] = load_dataset_facts(settings.out).skipped
    assert name == f"S1 Walking 2 {CAMERAS[0]}"
    assert message in reason
    assert sorted(path.name for path in settings.out.iterdir()) == [
        f"S1_Walking_2_{CAMERAS[1]}.parquet",
        "dataset.json",
    ]


def test_a_video_that_runs_on_after_its_poses_is_used_as_far_as_they_go(tree, tmp_path):
    write_view(tree, "S1", 0, num_frames=NUM_FRAMES + 3)
    facts = prepare(settings_of(tree, tmp_path / "out", subjects=("S1",), cameras=(CAMERAS[0],)))
    assert facts.num_crops == NUM_FRAMES
    [[name, note]] = facts.notes
    assert name == f"S1 Walking 2 {CAMERAS[0]}"
    assert "3 of 8 video frames" in note


def test_a_sequence_without_any_person_is_skipped(tree, tmp_path):
    base = default_file_base("Walking", 2)
    with ViewWriter(tree, "S1", base, CAMERAS[0], 50, SIZE_WH) as view:
        for _ in range(NUM_FRAMES):
            view.write(
                np.zeros((SIZE_WH[1], SIZE_WH[0], 3), np.uint8),
                np.zeros((SIZE_WH[1], SIZE_WH[0]), bool),
            )
    with pytest.raises(SourceError, match="1 of 1 sequences were skipped"):
        prepare(settings_of(tree, tmp_path / "out", subjects=("S1",), cameras=(CAMERAS[0],)))
    [[_, reason]] = load_dataset_facts(tmp_path / "out").skipped
    assert "no frame can be cropped (5 frames left out: the mask is empty)" in reason


def test_a_full_disk_ends_the_call_and_leaves_no_half_written_file(
    finished_tree, tmp_path, monkeypatch
):
    def full(self, table):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.parquet.ParquetWriter.write_table", full)
    settings = settings_of(finished_tree, tmp_path / "out", subjects=("S1",))
    with pytest.raises(OutputError, match="No space left on device"):
        prepare(settings)
    assert not settings.out.exists()


# --- masks and settings


def test_masks_that_miss_the_person_are_left_out_unless_asked_for(tree, tmp_path):
    base = default_file_base("Walking", 2)
    speck = np.zeros((SIZE_WH[1], SIZE_WH[0]), bool)
    speck[:6, :6] = True
    with ViewWriter(tree, "S1", base, CAMERAS[0], 50, SIZE_WH) as view:
        for i in range(NUM_FRAMES):
            camera = camera_of(0)
            image, mask = picture_of(camera.project(camera.world_to_camera(joints_of("S1")[i])))
            view.write(image, speck if i < 2 else mask)
    chosen = {"subjects": ("S1",), "cameras": (CAMERAS[0],)}
    facts = prepare(settings_of(tree, tmp_path / "out", **chosen))
    assert facts.num_crops == NUM_FRAMES - 2
    assert facts.notes[0][1] == "2 frames left out: the mask holds less than 80% of the joints"
    assert (
        prepare(settings_of(tree, tmp_path / "all", **chosen, min_joints_in_mask=0.0)).num_crops
        == NUM_FRAMES
    )


def test_a_joint_is_held_if_the_mask_is_within_reach():
    mask = np.zeros((20, 20), dtype=bool)
    mask[5:10, 5:10] = True
    keypoints = np.full((17, 2), 7.0)
    assert share_of_joints_held(mask, keypoints, 0.0) == 1
    keypoints[0] = (11.5, 7.0)
    keypoints[1] = (-30.0, 7.0)
    keypoints[2] = (7.0, 500.0)
    assert share_of_joints_held(mask, keypoints, 1.0) == pytest.approx(14 / 17)
    assert share_of_joints_held(mask, keypoints, 2.0) == pytest.approx(15 / 17)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"image_size": 2}, "--image-size 2: it must lie between 8 and 2048"),
        ({"quality": 100}, "--quality 100: it must"),
        ({"every_nth_frame": 0}, "--every-nth-frame 0: "),
        ({"workers": 0}, "--workers 0: "),
    ],
)
def test_settings_that_make_no_sense_are_refused(tmp_path, changes, message):
    with pytest.raises(SettingsError, match=message):
        settings_of(tmp_path, tmp_path / "out", **changes)


def test_names_that_are_not_in_the_tree_are_refused(finished_tree, tmp_path):
    for changes in ({"subjects": ("S5",)}, {"actions": ("Dancing",)}, {"cameras": ("1",)}):
        with pytest.raises(SourceError):
            prepare(settings_of(finished_tree, tmp_path / "out", **changes))


def test_what_is_no_data_set_is_said_in_one_sentence(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "S1.tgz").write_bytes(b"")
    for name, message in (
        ("empty", "the folder is empty"),
        ("S1.tgz", "is a file; .*Unpack"),
        ("lost", "no such folder"),
    ):
        with pytest.raises(SourceError, match=message):
            prepare(settings_of(tmp_path / name, tmp_path / "out"))


def test_a_file_in_place_of_the_folder_for_shards_is_named(finished_tree, tmp_path):
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(OutputError, match="out: is a file; choose a folder"):
        prepare(settings_of(finished_tree, tmp_path / "out"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"s9": "drop"}, "--s9 drop is for Human3.6M alone"),
        ({"poses": "world"}, "no poses of the kind world: --poses mono or universal"),
        ({"background": "removed"}, "whose masks are not read: call with --masks find or"),
    ],
)
def test_options_that_mpi_inf_3dhp_does_not_have_are_refused(tmp_path, changes, message):
    write_test(tmp_path)
    with pytest.raises(SettingsError, match=message):
        prepare(settings_of(tmp_path, tmp_path / "out", **{"background": "kept"} | changes))
    with pytest.raises(SourceError, match="cannot be chosen by them"):
        prepare(settings_of(tmp_path, tmp_path / "out", background="kept", actions=("Sitting",)))


def test_mpi_inf_3dhp_becomes_crops_of_its_valid_frames(tmp_path):
    write_train(tmp_path), write_test(tmp_path)
    facts = prepare(
        settings_of(
            tmp_path, tmp_path / "out", background="kept", poses="universal", actions=("Walking",)
        )
    )
    assert (facts.source, facts.settings["poses"], facts.num_crops) == (
        "MPI-INF-3DHP",
        "universal",
        9,
    )
    crops = read_crops(tmp_path / "out", ["TS1"])
    assert crops.frame_index.tolist() == [0, 1, 3, 4]
    assert crops.action.tolist() == [
        "Standing/Walking",
        "Standing/Walking",
        "On The Floor",
        "Miscellaneous",
    ]


# --- names


def own_recordings(root: Path, names: dict[str, str]) -> Path:
    """The example's recording under other names: by subject, that of the recording."""
    example = Path(__file__).parents[2] / "examples" / "own_data" / "anna" / "walk"
    for subject, recording in names.items():
        shutil.copytree(example, root / subject / recording)
    split = {"train": list(names)[:1], "validation": list(names)[1:2], "test": list(names)[2:]}
    (root / "split.json").write_text(json.dumps(split))
    return root


def test_subjects_of_any_name_are_prepared_and_trained_on(tmp_path):
    names = dict.fromkeys(("person_1", "Jörg", "a b"), "walk")
    root, out = own_recordings(tmp_path / "own", names), tmp_path / "out"
    facts = prepare(settings_of(root, out))
    assert facts.splits == {"train": ["person_1"], "validation": ["Jörg"], "test": ["a b"]}
    for subject in names:
        assert set(read_crops(out, [subject]).subject) == {subject}
    run = tmp_path / "run"
    small = {"network": "report2015_small", "batch_size": 16, "max_images": 32, "threads": 1}
    train(TrainSettings(out, run, **small))
    assert (run / "best.safetensors").is_file()


def test_recordings_of_alike_names_are_told_apart(tmp_path):
    root = own_recordings(tmp_path / "own", {"anna": "walk 1"})
    shutil.copytree(root / "anna" / "walk 1", root / "anna" / "walk_1")
    facts = prepare(settings_of(root, tmp_path / "out"))
    assert (facts.num_crops, len(shards_of(tmp_path / "out"))) == (80, 4)
    assert set(read_crops(tmp_path / "out").action) == {"walk 1", "walk_1"}


def renamed_split(root: Path, **splits: list[str]) -> Path:
    """The recordings with another split.json."""
    everybody = {"train": [], "validation": [], "test": []} | splits
    (root / "split.json").write_text(json.dumps(everybody))
    return root


@pytest.mark.parametrize(("of_folder", "of_split"), [("NFD", "NFC"), ("NFC", "NFD")])
def test_an_accent_may_be_written_in_either_way(tmp_path, of_folder, of_split):
    names = {"anna": "walk", normalize(of_folder, "Jörg"): normalize(of_folder, "Gänge")}
    root = own_recordings(tmp_path / "own", names)
    renamed_split(root, train=["anna"], validation=[normalize(of_split, "Jörg")])
    facts = prepare(settings_of(root, tmp_path / "out"))
    jörg = normalize("NFC", "Jörg")
    assert facts.splits == {"train": ["anna"], "validation": [jörg], "test": []}
    assert set(read_crops(tmp_path / "out", [jörg]).action) == {normalize("NFC", "Gänge")}
    asked = settings_of(root, tmp_path / "one", subjects=(normalize("NFD", jörg),))
    assert prepare(asked).num_crops == facts.num_crops / 2


def test_one_person_in_two_parts_is_noticed_however_the_accent_is_written(tmp_path):
    root = own_recordings(tmp_path / "own", {"Jörg": "walk"})
    renamed_split(root, train=[normalize("NFC", "Jörg")], test=[normalize("NFD", "Jörg")])
    with pytest.raises(SourceError, match="stands in two parts"):
        prepare(settings_of(root, tmp_path / "out"))


def test_who_is_named_but_not_there_is_told_with_who_is(tmp_path):
    root = own_recordings(tmp_path / "own", dict.fromkeys(("anna", "ben"), "walk"))
    renamed_split(root, train=["anna"], validation=["nobody"])
    told = (
        r"split\.json: names nobody, of whom there are no recordings; there are those of anna, ben"
    )
    with pytest.raises(SourceError, match=told):
        prepare(settings_of(root, tmp_path / "out"))
    assert not list(tmp_path.glob("out/*"))
    facts = prepare(settings_of(root, tmp_path / "out", subjects=("anna",)))
    assert facts.splits == {"train": ["anna"], "validation": [], "test": []}


def test_who_is_in_no_part_and_parts_of_nobody_are_told(tmp_path, capsys):
    root = own_recordings(tmp_path / "own", dict.fromkeys(("anna", "ben"), "walk"))
    prepare(settings_of(renamed_split(root, train=["anna"]), tmp_path / "out"))
    said = capsys.readouterr().out
    assert "in no part of the split, so nobody trains or tests on them: ben" in said
    assert "there are no crops of anybody for validation, test" in said
    split = {"train": ["anna"], "validation": ["ben"], "test": ["cleo"]}
    own_recordings(root, {"cleo": "walk"})
    prepare(settings_of(renamed_split(root, **split), tmp_path / "out"))
    said = capsys.readouterr().out
    assert "no part" not in said and "no crops" not in said


def test_names_that_differ_by_case_alone_are_refused(tmp_path):
    root, out = own_recordings(tmp_path / "own", {"anna": "walk"}), tmp_path / "out"
    try:
        shutil.copytree(root / "anna", root / "Anna")
    except FileExistsError:
        pytest.skip("this disk ignores case itself")
    renamed_split(root, train=["anna", "Anna"])
    told = r"Anna_\S+ and anna_\S+ would be one file on a disk that ignores upper and lower case"
    with pytest.raises(SettingsError, match=told):
        prepare(settings_of(root, out))
    shutil.rmtree(root / "Anna")
    prepare(settings_of(renamed_split(root, train=["anna"]), out))
    (root / "anna").rename(root / "Anna")
    with pytest.raises(SettingsError, match=told):
        prepare(settings_of(renamed_split(root, train=["Anna"]), out))
