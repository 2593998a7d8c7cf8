import time
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from posegrid.datasets.dataset_facts import DatasetFacts, load_dataset_facts
from posegrid.datasets.human36m.release_sequences import Human36m
from posegrid.datasets.stored_crops import read_crops
from posegrid.datasets.synth import synth, write_dataset
from posegrid.datasets.synth_plan import crop_jobs, subjects_by_split
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.errors import SettingsError, SourceError
from posegrid.walkers.motion.captured import Captures

COUNTS = {"people": 2, "validation_people": 1, "test_people": 1, "crops_per_person": 8}


def settings_for(out: Path, **changes: object) -> SynthSettings:
    return SynthSettings(
        out, **({"image_size": 48, "every_nth_frame": 10, "workers": 1, **COUNTS} | changes)
    )  # type: ignore[arg-type]


def bytes_by_name(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.parquet"))}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("walkers")
    write_dataset(settings_for(out))
    return out


def test_the_data_set_says_who_is_in_which_split(folder: Path) -> None:
    facts = load_dataset_facts(folder)
    assert facts.splits == {"train": ["W0001", "W0002"], "validation": ["V0001"], "test": ["T0001"]}
    assert facts.synthetic
    assert facts.num_crops == 32
    assert facts.background == "removed"


def test_every_crop_has_its_truth(folder: Path) -> None:
    crops = read_crops(folder)
    assert crops.images.shape == (32, 48, 48)
    assert set(crops.action) == {"Walking"}
    np.testing.assert_array_equal(crops.pose_cam_mm[:, 0], 0)
    np.testing.assert_allclose(crops.time_s, crops.frame_index / 50)
    assert crops.keypoints_crop_px.min() > 0
    assert crops.keypoints_crop_px.max() < 48
    assert (crops.images > 0).mean(axis=(1, 2)).min() > 0.05


def test_the_crops_camera_projects_the_pose_to_the_keypoints(folder: Path) -> None:
    crops = read_crops(folder)
    fx, fy, cx, cy = crops.crop_camera.T[..., None]
    x, y, z = np.moveaxis(crops.pose_cam_mm + crops.root_cam_mm[:, None], -1, 0)
    pinhole = np.stack([fx * x / z + cx, fy * y / z + cy], axis=-1)
    # a shard keeps no lens distortion: it moves points of this size of crop by a pixel at most
    assert np.abs(pinhole - crops.keypoints_crop_px).max() < 1.5


def test_neither_the_number_of_workers_nor_other_people_change_a_shard(
    folder: Path, tmp_path: Path
) -> None:
    write_dataset(settings_for(tmp_path, people=1, workers=2))
    here, there = bytes_by_name(folder), bytes_by_name(tmp_path)
    assert sorted(there) == [
        f"{name}_Walking_1_part01.parquet" for name in ("T0001", "V0001", "W0001")
    ]
    assert all(here[name] == content for name, content in there.items())


def test_a_second_call_renders_what_is_missing_and_nothing_else(folder: Path) -> None:
    before = bytes_by_name(folder)
    times = {path.name: path.stat().st_mtime_ns for path in folder.glob("*.parquet")}
    (folder / "W0002_Walking_1_part01.parquet").unlink()
    synth(settings_for(folder))
    assert bytes_by_name(folder) == before
    changed = {
        path.name
        for path in folder.glob("*.parquet")
        if path.stat().st_mtime_ns != times[path.name]
    }
    assert changed == {"W0002_Walking_1_part01.parquet"}


def test_other_settings_are_refused_in_the_same_folder(folder: Path) -> None:
    with pytest.raises(SettingsError, match="seed was 0, now 1"):
        synth(settings_for(folder, seed=1))


def test_the_releases_subjects_have_two_subactions_and_its_splits() -> None:
    settings = settings_for(
        Path("never"),
        subjects=("S1", "S8", "S9"),
        crops_per_person=4500,
        held_out_crops_per_person=9,
    )
    assert subjects_by_split(settings) == {"train": ["S1"], "validation": ["S8"], "test": ["S9"]}
    jobs = crop_jobs(settings, Captures())
    assert [job.path.name for job in jobs[:4]] == [
        "S1_Walking_1_part01.parquet",
        "S1_Walking_1_part02.parquet",
        "S1_Walking_2_part01.parquet",
        "S1_Walking_2_part02.parquet",
    ]
    totals = {
        name: sum(job.crops.num_crops for job in jobs if job.clip.subject == name)
        for name in ("S1", "S8", "S9")
    }
    assert totals == {"S1": 4500, "S8": 9, "S9": 9}


def test_parts_of_a_subaction_do_not_share_frame_numbers() -> None:
    jobs = crop_jobs(settings_for(Path("never"), people=1, crops_per_person=5000), Captures())
    parts = [job for job in jobs if job.clip.subject == "W0001"]
    for earlier, later in pairwise(parts):
        assert later.first_frame_index > earlier.first_frame_index + earlier.clip.num_frames + 40


def test_bad_settings_are_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="views is 5"):
        settings_for(tmp_path, views=5)
    with pytest.raises(SettingsError, match="is no folder"):
        settings_for(tmp_path, motion=tmp_path / "nowhere")
    with pytest.raises(SettingsError, match="even"):
        settings_for(tmp_path, picture_size=501)
    with pytest.raises(SettingsError, match="S3"):
        settings_for(tmp_path, subjects=("S1", "S3"))
    (tmp_path / "notes.txt").write_text("not a folder")
    with pytest.raises(SettingsError, match=r"notes\.txt is a file; give a folder"):
        settings_for(tmp_path / "notes.txt")
    with pytest.raises(SourceError, match="AMC"):
        synth(settings_for(tmp_path, motion=tmp_path))


def test_the_releases_layout_can_be_read_back(tmp_path: Path) -> None:
    settings = settings_for(
        tmp_path, layout="human36m", subjects=("S9",), frames=3, picture_size=240
    )
    synth(settings)
    source = Human36m(tmp_path)
    assert source.synthetic
    found = source.find()
    assert len(found) == 8
    sequence = source.open(found[0])
    frames = list(sequence.open_frames())
    assert len(frames) == 3
    np.testing.assert_allclose(
        sequence.camera.project(sequence.pose_cam_mm), sequence.keypoints_px, atol=0.01
    )
    for frame in frames:
        columns, rows = sequence.keypoints_px[frame.index].astype(int).T
        assert frame.mask is not None
        assert frame.mask[rows, columns].mean() > 0.8
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")}
    synth(settings)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.mp4")} == before
    with pytest.raises(SettingsError, match="other settings"):
        synth(
            settings_for(tmp_path, layout="human36m", subjects=("S9",), frames=4, picture_size=240)
        )


def test_the_releases_layout_is_the_same_bytes_whenever_it_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for name, now in (("one", 1e9), ("two", 1.7e9)):
        few = {"subjects": ("S9",), "frames": 3, "picture_size": 96}
        with monkeypatch.context() as patch:
            patch.setattr(time, "time", lambda now=now: now)
            synth(settings_for(tmp_path / name, layout="human36m", **few))
        paths = [path for path in sorted((tmp_path / name).rglob("*")) if path.is_file()]
        made.append({path.relative_to(tmp_path / name): path.read_bytes() for path in paths})
    assert {path.suffix for path in made[0]} == {".cdf", ".mat", ".mp4", ".xml", ".txt", ".json"}
    assert [path for path in made[0] if made[0][path] != made[1][path]] == []
    assert made[0].keys() == made[1].keys()


def test_facts_of_a_kept_background_say_so(tmp_path: Path) -> None:
    settings = settings_for(
        tmp_path,
        people=1,
        validation_people=0,
        test_people=0,
        crops_per_person=2,
        background="kept",
        cameras="varied",
    )
    facts: DatasetFacts = write_dataset(settings)
    assert facts.background == "kept"
    assert (read_crops(tmp_path).images > 0).mean() > 0.98


def test_grey_crops_are_the_brightness_of_those_in_colour(tmp_path: Path) -> None:
    few = {"people": 1, "validation_people": 0, "test_people": 0, "crops_per_person": 2}
    grey, coloured = (
        settings_for(tmp_path / name, **few, background=name, image_format="png", cameras="varied")
        for name in ("masked", "masked_colour")
    )
    write_dataset(grey)
    assert write_dataset(coloured).image_shape == (3, *read_crops(grey.out).images.shape[1:])
    seen, known = read_crops(coloured.out), read_crops(grey.out)
    assert np.abs(seen.grey.astype(int) - known.images).max() <= 1  # Pillow rounds otherwise
    assert np.array_equal(seen.masks, known.masks)
    assert np.array_equal(seen.pose_cam_mm, known.pose_cam_mm)
    assert np.ptp(seen.images, axis=1).max() > 20


def test_an_error_says_which_clip_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object) -> None:
        raise SourceError("the wardrobe is locked")

    monkeypatch.setattr("posegrid.datasets.synth_crops.film", refuse)
    with pytest.raises(SourceError, match=r"W0001 1 part 1: the wardrobe is locked"):
        synth(settings_for(tmp_path))
    assert not list(tmp_path.glob("*.parquet"))


def test_varied_scenes_with_faulty_masks_and_pictures_of_the_user(tmp_path: Path) -> None:
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.fromarray(np.full((60, 90, 3), 120, np.uint8)).save(pictures / "wall.png")
    settings = settings_for(
        tmp_path / "out",
        scenes="varied",
        masks="faulty",
        background="masked",
        cameras="varied",
        backgrounds=pictures,
    )
    facts = write_dataset(settings)
    crops = read_crops(tmp_path / "out")
    assert len(crops) == facts.num_crops > 0.5 * 32
    assert crops.masks is not None and crops.masks.any(axis=(1, 2)).all()
    assert set(np.unique(crops.masks)) == {0, 255} and not facts.soft_masks


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"scenes": "varied", "backgrounds": Path("nowhere")},
            "nowhere is no folder; --backgrounds takes",
        ),
        ({"backgrounds": Path(".")}, "add --scenes varied"),
    ],
)
def test_wrong_background_folders_are_refused(tmp_path: Path, changes: dict, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        settings_for(tmp_path, **changes)


def test_masks_can_be_the_finders(tmp_path: Path) -> None:
    found = {"background": "masked", "scenes": "varied", "masks": "found", "people_kind": "sporty"}
    with pytest.raises(SettingsError, match="--scenes varied"):
        settings_for(tmp_path, **(found | {"scenes": "plain"}))
    counts = {"people": 2, "validation_people": 0, "test_people": 0, "crops_per_person": 6}
    facts = write_dataset(settings_for(tmp_path, **(found | counts | {"image_size": 96})))
    crops = read_crops(tmp_path)
    assert 6 <= len(crops) <= 12  # who is not found is left out
    assert crops.masks is not None and facts.soft_masks
    assert ((crops.masks >= 128).mean(axis=(1, 2)) > 0.03).all()
    unsure = (crops.masks > 25) & (crops.masks < 230)
    assert 0.005 < unsure.mean() < 0.4
    inside = (crops.keypoints_crop_px > -20) & (crops.keypoints_crop_px < 116)
    assert inside.mean() > 0.95
