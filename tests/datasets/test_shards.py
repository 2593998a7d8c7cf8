import json
import os
import subprocess
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from posegrid.body.camera import Camera
from posegrid.datasets.dataset_facts import DatasetFacts, load_dataset_facts, write_dataset_facts
from posegrid.datasets.shards import (
    CropRow,
    ShardWriter,
    filled,
    load_shard_facts,
    shard_name,
    shards_of,
)
from posegrid.datasets.stored_crops import crops_by_shard, read_crops, shards_in
from posegrid.errors import OutputError, SettingsError, ShardError
from posegrid.files import PART
from posegrid.people.crop import encode_image, encode_mask, hardened

SIZE = 24
FACTS = DatasetFacts(
    image_size=SIZE,
    image_format="png",
    background="removed",
    settings={"margin": 0.1},
    synthetic=True,
    splits={"train": ["S1", "S5"], "validation": [], "test": ["S9"]},
)


def picture(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE), dtype=np.uint8)


def a_row(seed: int, subject: str = "S1", camera_id: str = "54138969") -> CropRow:
    rng = np.random.default_rng(seed)
    return CropRow(
        image=encode_image(picture(seed), "png"),
        pose_cam_mm=rng.normal(0, 400, (17, 3)).astype(np.float32),
        root_cam_mm=np.array([rng.normal(0, 900), rng.normal(0, 300), 5000.0]),
        keypoints_crop_px=rng.uniform(0, SIZE, (17, 2)),
        crop_camera=np.array([60.0, 61.0, rng.normal(12, 30), rng.normal(12, 20)]),
        window=rng.uniform(0, 500, 3).astype(np.float32),
        subject=subject,
        action="Walking",
        subaction=2,
        camera_id=camera_id,
        frame_index=seed,
        time_s=seed / 50,
    )


def write_shard(
    folder: Path, rows: list[CropRow], facts: DatasetFacts = FACTS, name: str = ""
) -> Path:
    row = rows[0]
    path = folder / (name or shard_name(row.subject, row.action, row.subaction, row.camera_id))
    with ShardWriter(path, facts) as shard:
        for row in rows:
            shard.write(row)
    return path


@pytest.fixture
def dataset(tmp_path):
    for subject, seeds in (("S1", range(3)), ("S5", range(10, 12)), ("S9", range(20, 24))):
        write_shard(tmp_path, [a_row(seed, subject) for seed in seeds])
    write_dataset_facts(tmp_path, replace(FACTS, num_crops=9))
    return tmp_path


def test_a_shard_without_crops_gives_none(dataset):
    """Of a person whom the finder never saw, say."""
    with ShardWriter(dataset / shard_name("S1", "Waiting", 1, "54138969"), FACTS):
        pass
    assert len(read_crops(dataset, ["S1"])) == 3
    assert sorted(len(crops) for crops in crops_by_shard(dataset)) == [0, 2, 3, 4]


# --- names and facts


def test_names_are_made_of_what_every_disk_takes():
    assert shard_name("S1", "Walking", 2, "54138969") == "S1_Walking_2_54138969.parquet"
    odd = shard_name("S_1", "Walk dog/äh", 1, "c.0")
    assert odd == "S%5F1_Walk%20dog%2F%C3%A4h_1_c.0.parquet"
    assert shard_name(".x", "..", 1, "~") == "%2Ex_%2E._1_%7E.parquet"
    with pytest.raises(SettingsError, match=r"make a file name of 7.. bytes, of which disks take"):
        shard_name("ä" * 120, "Walking", 1, "c")


@given(st.lists(st.tuples(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))))
def test_names_of_files_are_one_to_one_with_names_of_sequences(names):
    files = {shard_name(subject, action, 1, camera) for subject, action, camera in names}
    assert len(files) == len(set(names))


def test_facts_come_back_as_they_were_written(dataset):
    assert load_dataset_facts(dataset) == replace(FACTS, num_crops=9)


def test_a_shard_says_what_it_is(dataset):
    facts = load_shard_facts(dataset / "S5_Walking_2_54138969.parquet")
    assert facts == replace(FACTS, splits={}, num_crops=2)


def test_the_same_facts_are_not_written_twice(dataset):
    path = dataset / "dataset.json"
    os.utime(path, (1, 1))
    write_dataset_facts(dataset, replace(FACTS, num_crops=9))
    assert path.stat().st_mtime == 1
    write_dataset_facts(dataset, replace(FACTS, num_crops=10))
    assert path.stat().st_mtime != 1


def test_a_split_has_its_subjects_and_an_unknown_one_lists_the_others():
    assert FACTS.subjects_of("train") == ["S1", "S5"]
    for split in ("validation", "dev"):
        with pytest.raises(ShardError, match=rf"{split}.*train \(S1 S5\), test \(S9\)"):
            FACTS.subjects_of(split)


def test_of_many_subjects_the_first_and_the_last_are_named():
    many = replace(FACTS, splits={"validation": [f"V{number:04d}" for number in range(1, 503)]})
    with pytest.raises(ShardError, match=r"it has: validation \(V0001 to V0502, 502 of them\)\."):
        many.subjects_of("train")


def test_a_folder_without_dataset_json_is_no_finished_data_set(tmp_path):
    with pytest.raises(ShardError, match="no finished data set"):
        load_dataset_facts(tmp_path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"skeleton": "coco_17"}, "skeleton 'coco_17'; this posegrid reads 'human36m_17'"),
        ({"unit": "m"}, "unit 'm'"),
        ({"skeleton": None}, "skeleton missing"),
    ],
)
def test_facts_of_another_meaning_are_refused(dataset, change, message):
    path = dataset / "dataset.json"
    entries = json.loads(path.read_text()) | change
    path.write_text(json.dumps({k: v for k, v in entries.items() if v is not None}))
    with pytest.raises(ShardError, match=message) as caught:
        load_dataset_facts(dataset)
    assert str(path) in str(caught.value)


def test_json_that_is_none_is_refused(dataset):
    (dataset / "dataset.json").write_text("{not json")
    with pytest.raises(ShardError, match="does not hold the facts"):
        load_dataset_facts(dataset)


# --- round trip


def test_crops_come_back_as_they_were_written(dataset):
    crops = read_crops(dataset, ["S1", "S9"])
    rows = [a_row(seed) for seed in (0, 1, 2)] + [a_row(seed, "S9") for seed in (20, 21, 22, 23)]
    assert len(crops) == 7
    assert crops.subject.tolist() == [row.subject for row in rows]
    assert np.array_equal(crops.images, np.stack([picture(row.frame_index) for row in rows]))
    for name in ("pose_cam_mm", "root_cam_mm", "keypoints_crop_px", "window"):
        assert np.array_equal(
            getattr(crops, name), np.stack([getattr(row, name) for row in rows]).astype(np.float32)
        )
    for name in ("crop_camera", "action", "camera_id", "subaction", "frame_index", "time_s"):
        assert np.array_equal(getattr(crops, name), np.array([getattr(row, name) for row in rows]))


def test_all_subjects_are_read_when_none_are_named(dataset):
    assert len(read_crops(dataset)) == 9


def test_a_shard_longer_than_one_row_group_keeps_its_order(tmp_path):
    blank = encode_image(np.zeros((SIZE, SIZE), dtype=np.uint8), "png")
    first = a_row(0)
    write_shard(tmp_path, [replace(first, image=blank, frame_index=i) for i in range(1100)])
    write_dataset_facts(tmp_path, FACTS)
    assert read_crops(tmp_path, ["S1"]).frame_index.tolist() == list(range(1100))


def test_subjects_whose_names_begin_alike_are_not_mixed(tmp_path):
    for subject in ("S1", "S11"):
        write_shard(tmp_path, [a_row(1, subject)])
    write_dataset_facts(tmp_path, FACTS)
    assert read_crops(tmp_path, ["S1"]).subject.tolist() == ["S1"]


def test_a_subset_keeps_every_column_in_step(dataset):
    crops = read_crops(dataset)
    for rows in (np.array([4, 1]), crops.subject == "S9", slice(2, 5)):
        subset = crops.subset(rows)
        assert np.array_equal(subset.images, crops.images[rows])
        assert subset.frame_index.tolist() == crops.frame_index[rows].tolist()


def test_view_poses_are_those_of_the_camera_class(dataset):
    crops = read_crops(dataset)
    poses = crops.pose_view_mm
    for i, (fx, fy, cx, cy) in enumerate(crops.crop_camera):
        rotation = Camera((fx, fy), (cx, cy), (SIZE, SIZE)).rotation_to_view()
        assert np.allclose(crops.rot_cam_to_view[i], rotation, atol=1e-12)
        assert np.allclose(poses[i], crops.pose_cam_mm[i] @ rotation.T, atol=1e-3)
    assert poses.dtype == np.float32


# --- writing fails


def left_behind(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_an_error_in_the_block_leaves_no_file(tmp_path):
    with pytest.raises(KeyError), ShardWriter(tmp_path / "a.parquet", FACTS) as shard:
        shard.write(a_row(0))
        raise KeyError
    assert left_behind(tmp_path) == []


def test_an_error_leaves_the_old_file_as_it_was(tmp_path):
    path = write_shard(tmp_path, [a_row(0)])
    before = path.read_bytes()
    with pytest.raises(KeyError), ShardWriter(path, FACTS) as shard:
        shard.write(a_row(1))
        raise KeyError
    assert path.read_bytes() == before


FILLS_THE_DISK = """
    import resource, signal, sys
    import numpy as np
    from pathlib import Path
    from posegrid.errors import OutputError
    sys.path.insert(0, {tests!r})
    from test_shards import FACTS, a_row
    from posegrid.datasets.shards import ShardWriter

    def write_shard(path):
        with ShardWriter(path, FACTS) as shard:
            for seed in range(520):
                shard.write(a_row(seed))

    path = Path({path!r})
    write_shard(path)
    size = path.stat().st_size
    path.unlink()
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    for share in (0.0, 0.3, 0.999):
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(size * share), most))
        try:
            write_shard(path)
        except OutputError as error:
            print("refused:", error)
"""


def test_a_disk_that_fills_up_leaves_no_half_written_file(tmp_path):
    """The system itself refuses to let the file grow: at the first byte, within the rows, and in
    the last lines.
    """
    path = tmp_path / "full.parquet"
    program = FILLS_THE_DISK.format(tests=str(Path(__file__).parent), path=str(path))
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.stdout.count(f"refused: {path} cannot be written") == 3, done.stdout + done.stderr
    assert done.stderr == ""
    assert left_behind(tmp_path) == []


def test_a_folder_that_takes_no_files_is_an_output_error(tmp_path):
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(OutputError, match="cannot be written"),
        ShardWriter(tmp_path / "file" / "a.parquet", FACTS),
    ):
        pass


def test_a_number_that_is_not_finite_is_refused_with_its_frame(tmp_path):
    pose = np.zeros((17, 3))
    pose[3, 1] = np.nan
    with (
        pytest.raises(
            ShardError, match="S1 Walking 2 54138969, frame 7: pose_cam_mm is not finite"
        ),
        ShardWriter(tmp_path / "a.parquet", FACTS) as shard,
    ):
        shard.write(replace(a_row(7), pose_cam_mm=pose))
    assert left_behind(tmp_path) == []


# --- reading fails


def test_an_unknown_subject_lists_those_there_are(dataset):
    with pytest.raises(ShardError, match="no crops of the subject 'S7'; it has: S1, S5, S9"):
        read_crops(dataset, ["S1", "S7"])


def test_more_people_do_not_list_the_folder_more_often(dataset, monkeypatch):
    """Listed anew for each of 800 people it took a quarter of the time to the first step."""
    looks, usual = [], Path.glob
    monkeypatch.setattr(Path, "glob", lambda *given: looks.append(given) or usual(*given))
    shards_in(dataset, ["S1"])
    of_one = len(looks)
    shards_in(dataset, ["S1", "S5", "S9"])
    assert len(looks) == 2 * of_one


def test_no_subjects_are_no_crops(dataset):
    with pytest.raises(ShardError, match="no shards"):
        read_crops(dataset, [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"skeleton": "coco_17"}, "skeleton 'coco_17'"),
        ({"image_size": 32}, "image_size 32 but dataset.json beside it says 24"),
        ({"background": "kept"}, "background 'kept'"),
    ],
)
def test_a_shard_of_another_data_set_is_refused(dataset, change, message):
    path = write_shard(dataset, [a_row(0, camera_id="2")], replace(FACTS, **change))
    with pytest.raises(ShardError, match=message) as caught:
        read_crops(dataset)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("keep", [0, 100, -50])
def test_a_damaged_shard_is_named(dataset, keep):
    path = dataset / "S1_Walking_2_54138969.parquet"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(ShardError, match="cannot be read as Parquet") as caught:
        read_crops(dataset)
    assert str(path) in str(caught.value)


def test_damage_within_the_rows_is_named(dataset):
    path = dataset / "S1_Walking_2_54138969.parquet"
    data = bytearray(path.read_bytes())
    data[60:160] = bytes(100)
    path.write_bytes(data)
    with pytest.raises(ShardError, match="S1_Walking_2_54138969"):
        read_crops(dataset)


def test_a_parquet_file_of_somebody_else_is_no_shard(dataset):
    pq.write_table(pa.table({"a": [1]}), dataset / "S1_other.parquet")
    with pytest.raises(ShardError, match="no shard of posegrid"):
        read_crops(dataset)


def test_a_missing_column_is_named(dataset):
    path = dataset / "S1_Walking_2_54138969.parquet"
    pq.write_table(pq.ParquetFile(path).read().drop_columns(["window"]), path)
    with pytest.raises(ShardError, match="lacks the column 'window'"):
        read_crops(dataset)


def test_an_image_of_another_size_is_named(dataset):
    row = replace(
        a_row(0, camera_id="2"), image=encode_image(np.zeros((8, 9), dtype=np.uint8), "png")
    )
    write_shard(dataset, [a_row(1, camera_id="2"), row])
    with pytest.raises(ShardError, match=r"row 1: the image is 8 x 9.*are 24 x 24"):
        read_crops(dataset)


def test_a_renamed_shard_cannot_bring_test_subjects_into_training(dataset):
    (dataset / "S9_Walking_2_54138969.parquet").rename(dataset / "S1_Walking_9_54138969.parquet")
    with pytest.raises(ShardError, match="holds crops of S9"):
        read_crops(dataset, ["S1"])


def test_files_in_the_making_are_no_shards(dataset):
    (dataset / f".S1_Walking_1_1.01234567{PART}.parquet").write_bytes(b"half")
    assert len(shards_of(dataset)) == 3


def test_crops_in_colour_have_their_masks_behind_and_can_be_shown_to_weights_of_grey_ones(tmp_path):
    colours = np.random.default_rng(4).integers(0, 256, (2, 3, SIZE, SIZE), dtype=np.uint8)
    masks = [hardened(picture(seed)) for seed in range(2)]
    rows = [
        replace(a_row(seed), image=encode_image(image, "png"), mask=encode_mask(mask))
        for seed, (image, mask) in enumerate(zip(colours, masks, strict=True))
    ]
    facts = replace(FACTS, background="masked_colour")
    write_shard(tmp_path, rows, facts)
    write_dataset_facts(tmp_path, facts)
    crops = read_crops(tmp_path)
    beside = np.array(masks)[:, None]
    assert np.array_equal(crops.inputs, np.concatenate([colours, beside], axis=1))
    grey = crops.shown_to("masked")
    assert np.array_equal(grey.inputs, np.stack([crops.grey, beside[:, 0]], axis=1))
    again = grey.shown_to("masked_colour")
    assert again.inputs.shape == (2, 4, SIZE, SIZE)
    assert np.array_equal(again.grey, crops.grey) and np.array_equal(again.images[:, 1], crops.grey)
    assert grey.shown_to("masked") is grey and crops.shown_to("masked_colour") is crops


def test_masks_are_in_masked_data_sets_and_only_there(tmp_path):
    masks = [hardened(picture(0)), picture(1), hardened(picture(2))]
    rows = [replace(a_row(seed), mask=encode_mask(mask)) for seed, mask in enumerate(masks)]
    facts = replace(FACTS, background="masked")
    write_shard(tmp_path, rows, facts)
    write_dataset_facts(tmp_path, facts)
    inputs = read_crops(tmp_path, ["S1"]).inputs
    assert inputs.shape == (3, 2, SIZE, SIZE)
    assert np.array_equal(inputs[:, 1], masks), "hard ones and those that say how sure they are"
    assert np.array_equal(inputs[:, 0], [picture(seed) for seed in range(3)])
    with pytest.raises(ShardError, match="frame 0: a crop has a mask where"):
        write_shard(tmp_path / "other", rows)
    with pytest.raises(ShardError, match="frame 1: a crop has a mask where"):
        write_shard(tmp_path / "other", [a_row(1)], facts)


def test_a_folder_of_hard_masks_is_not_filled_with_soft_ones(tmp_path):
    """As an earlier version left them, whose shards say nothing of soft masks."""
    hard = replace(FACTS, background="masked")
    write_shard(tmp_path, [replace(a_row(0), mask=encode_mask(hardened(picture(0))))], hard)
    soft, refused = replace(hard, soft_masks=True), "soft_masks was False, now True"
    with pytest.raises(SettingsError, match=refused), filled(tmp_path, soft):
        pass
