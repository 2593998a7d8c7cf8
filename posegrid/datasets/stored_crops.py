"""Prepared crops as arrays, read from the shards of a data set."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float32, Float64, Int, Shaped, UInt8

from posegrid.body.camera import turns_onto_axis
from posegrid.body.skeleton import NUM_JOINTS
from posegrid.datasets.dataset_facts import (
    DATASET_FILE,
    DatasetFacts,
    check_readable,
    load_dataset_facts,
)
from posegrid.datasets.shards import (
    NUMBERS,
    SCHEMA,
    damaged,
    load_shard_facts,
    schema_of,
    shards_of,
    subjects_in,
)
from posegrid.errors import ShardError
from posegrid.people.crop import IN_COLOUR, decode_image, decode_mask, hardened
from posegrid.untrusted import DAMAGED

LUMA = np.array([0.299, 0.587, 0.114])
"""Shares of red, green and blue in the brightness: ITU-R BT.601."""
_ARRAYS = [name for name in SCHEMA.names if name != "image"]


@dataclass(frozen=True, eq=False)
class Crops:
    """N crops in memory, and all that is known of each: row i of every array belongs to crop i."""

    images: UInt8[np.ndarray, "N *colours size size"]
    pose_cam_mm: Float32[np.ndarray, "N 17 3"]
    """Relative to the pelvis, axes of the source camera."""
    root_cam_mm: Float32[np.ndarray, "N 3"]
    keypoints_crop_px: Float32[np.ndarray, "N 17 2"]
    crop_camera: Float64[np.ndarray, "N 4"]
    """fx, fy, cx, cy in the crop's pixels."""
    window: Float32[np.ndarray, "N 3"]
    """x0, y0, side in the source picture's pixels."""
    subject: Shaped[np.ndarray, "N"]
    action: Shaped[np.ndarray, "N"]
    camera_id: Shaped[np.ndarray, "N"]
    subaction: Int[np.ndarray, "N"]
    frame_index: Int[np.ndarray, "N"]
    time_s: Float64[np.ndarray, "N"]
    masks: UInt8[np.ndarray, "N size size"] | None = None
    """Where the data set has them: 0 or 255, or how sure the finder is."""

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, rows: Shaped[np.ndarray, "M"] | slice) -> "Crops":
        """The crops of the given rows (indices, a boolean per crop, or a slice), in their order."""
        columns = {
            f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None
        }
        return Crops(**{name: values[rows] for name, values in columns.items()})

    @property
    def grey(self) -> UInt8[np.ndarray, "N size size"]:
        """Their brightness (ITU-R BT.601's), to look at."""
        if self.images.ndim == 3:
            return self.images
        return np.rint(np.tensordot(self.images, LUMA, (1, 0))).astype(np.uint8)

    @property
    def inputs(self) -> UInt8[np.ndarray, "N *channels size size"]:
        """What a network of this data set takes: the crops, (N, 3, size, size) in colour; where
        there are masks, these as one more channel behind."""
        if self.masks is None:
            return self.images
        count, side = len(self), self.images.shape[-1]
        images = self.images.reshape(count, -1, side, side)
        return np.concatenate([images, self.masks[:, None]], axis=1)

    def shown_to(self, background: str) -> "Crops":
        """As weights that know crops of that background take them: in colour or grey. What was grey
        has three equal colours then."""
        if (background in IN_COLOUR) == (self.images.ndim == 4):
            return self
        thrice = np.repeat(self.grey[:, None], 3, axis=1)
        return replace(self, images=thrice if background in IN_COLOUR else self.grey)

    @property
    def with_hard_masks(self) -> "Crops":
        """With masks of 0 and 255."""
        return self if self.masks is None else replace(self, masks=hardened(self.masks))

    @property
    def rot_cam_to_view(self) -> Float64[np.ndarray, "N 3 3"]:
        """`rotations_to_view` of every crop's camera."""
        return rotations_to_view(self.crop_camera, self.images.shape[-1])

    @property
    def pose_view_mm(self) -> Float32[np.ndarray, "N 17 3"]:
        """The poses in the frame of the virtual camera that looks at the crop's centre."""
        return in_view(self.pose_cam_mm, self.crop_camera, self.images.shape[-1])


def rotations_to_view(
    crop_camera: Float64[np.ndarray, "N 4"], image_size: int
) -> Float64[np.ndarray, "N 3 3"]:
    """`Camera.rotation_to_view` of crops' cameras: from the source camera's frame to the virtual
    one's that looks at the crop's centre (pinholes: a shard keeps no lens distortion)."""
    fx, fy, cx, cy = crop_camera.T
    centre = image_size / 2
    ray = np.stack([(centre - cx) / fx, (centre - cy) / fy, np.ones_like(fx)], axis=-1)
    return turns_onto_axis(ray)


def in_view(
    pose_cam_mm: Float32[np.ndarray, "N 17 3"],
    crop_camera: Float64[np.ndarray, "N 4"],
    image_size: int,
) -> Float32[np.ndarray, "N 17 3"]:
    """Poses in the frame of the virtual camera that looks at the crop's centre, mm."""
    turns = rotations_to_view(crop_camera, image_size)
    return (pose_cam_mm @ turns.transpose(0, 2, 1)).astype(np.float32)


def read_crops(folder: Path, subjects: Sequence[str] | None = None, *, threads: int = 2) -> Crops:
    """All crops of the subjects (None: of everybody), in the order of the files' names and frames.

    128 px crops take 16 kB each, and as much for a mask: 150,000 of them 2.5 or 5 GB. Raises
    ShardError, naming the file, for a data set without `dataset.json`, a subject without crops, and
    a shard that is damaged, lacks a column, or does not fit the others.
    """
    shards, facts = shards_in(folder, subjects), load_dataset_facts(folder)
    count, side = sum(shard.num_rows for shard in shards), facts.image_size
    images = np.zeros((count, *facts.image_shape), dtype=np.uint8)
    masks = np.zeros((count, side, side) if facts.has_masks else 0, dtype=np.uint8)
    parts, start = [], 0
    for shard in shards:
        rows = slice(start, start + shard.num_rows)
        parts.append(shard.read_into(images[rows], masks[rows], threads))
        start = rows.stop
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in _ARRAYS}
    return Crops(images, **arrays, masks=masks if facts.has_masks else None)


def crops_by_shard(folder: Path, subjects: Sequence[str] | None = None) -> Iterator[Crops]:
    """The same crops, a shard at a time: more of them than memory holds. Raises as `read_crops`."""
    for shard in shards_in(folder, subjects):
        side = shard.facts.image_size
        images = np.zeros((shard.num_rows, *shard.facts.image_shape), dtype=np.uint8)
        masks = np.zeros((shard.num_rows, side, side), dtype=np.uint8)
        arrays = shard.read_into(images, masks, 2)
        yield Crops(images, **arrays, masks=masks if shard.facts.has_masks else None)


@dataclass(frozen=True)
class Shard:
    """One file of a data set that has been found to fit it."""

    path: Path
    facts: DatasetFacts
    """Of the data set."""
    num_rows: int
    subjects: tuple[str, ...] | None
    """Whose crops it may hold; None: anybody's."""

    def table(self, names: Sequence[str] | None = None) -> pa.Table:
        """The named columns (None: all), checked, with `subject`. Raises ShardError."""
        schema = schema_of(self.facts)
        wanted = schema.names if names is None else [*names, "subject"]
        table = _read_table(self.path, schema, wanted)
        found = set(table["subject"].unique().to_pylist())
        strangers = set() if self.subjects is None else found - set(self.subjects)
        if strangers:
            raise ShardError(
                f"{self.path} holds crops of {', '.join(sorted(strangers))}, not of whom its name "
                "says: renamed?"
            )
        return table

    def decoded(
        self, data: bytes, column: str, row: int
    ) -> UInt8[np.ndarray, "*colours size width"]:
        """The picture in this cell of the column `image` or `mask`.

        Raises ShardError, naming file and row, if it is damaged or of another size.
        """
        shape = self.facts.image_shape
        try:
            picture = decode_image(data) if column == "image" else decode_mask(data)
        except ShardError as error:
            raise ShardError(f"{self.path}, row {row}: {error}") from error
        if picture.shape != (shape if column == "image" else shape[-2:]):
            raise ShardError(
                f"{self.path}, row {row}: the {column} is {' x '.join(map(str, picture.shape))}, "
                f"its data set's are {' x '.join(map(str, shape))}."
            )
        return picture

    def read_into(
        self, images: np.ndarray, masks: np.ndarray, threads: int
    ) -> dict[str, np.ndarray]:
        """Decode all images, and masks where there are any; the arrays of all other columns."""
        table = self.table()
        self._decode_into(images, table, "image", threads)
        if self.facts.has_masks:
            self._decode_into(masks, table, "mask", threads)
        return {name: array_of_column(table, name) for name in _ARRAYS}

    def _decode_into(self, out: np.ndarray, table: pa.Table, column: str, threads: int) -> None:
        """Decode all pictures of the table's column."""
        encoded = table[column].to_pylist()

        def decode(row: int) -> None:
            out[row] = self.decoded(encoded[row], column, row)

        with ThreadPoolExecutor(threads) as pool:
            for _ in pool.map(decode, range(len(encoded)), chunksize=64):
                pass


def shards_in(folder: Path, subjects: Sequence[str] | None = None) -> list[Shard]:
    """The shards of the subjects (None: of everybody), in the order of the files' names.

    Raises ShardError for a data set without `dataset.json`, a subject without crops, and a file
    that is damaged or does not fit the others.
    """
    facts, known = load_dataset_facts(folder), subjects_in(folder)
    for subject in sorted(set(subjects or ()).difference(known)):
        raise ShardError(
            f"{folder} has no crops of the subject {subject!r}; it has: {', '.join(known) or 'none'}."
        )
    paths = shards_of(folder, subjects)
    if not paths:
        whose = " of no subjects" if subjects is not None else ""
        raise ShardError(f"{folder} has no shards (*.parquet){whose}.")
    allowed = None if subjects is None else tuple(subjects)
    return [Shard(path, facts, _count_if_fitting(path, facts), allowed) for path in paths]


def _count_if_fitting(path: Path, facts: DatasetFacts) -> int:
    """Number of rows, after checking that the shard is of the data set that the facts describe."""
    shard = load_shard_facts(path)
    check_readable(path, shard)
    for name in ("skeleton", "unit", "axes", "image_size", "background", "soft_masks"):
        found, expected = getattr(shard, name), getattr(facts, name)
        if found != expected:
            raise ShardError(
                f"{path} has {name} {found!r} but {DATASET_FILE} beside it says {expected!r}: "
                "it belongs to another data set. Take it out or prepare it again."
            )
    return shard.num_crops


def _read_table(path: Path, schema: pa.Schema, names: Sequence[str]) -> pa.Table:
    try:
        file = pq.ParquetFile(path)
        found = file.schema_arrow
        for name, kind in zip(schema.names, schema.types, strict=True):
            if name not in found.names:
                there = ", ".join(found.names)
                raise ShardError(f"{path} lacks the column {name!r}; it has: {there}.")
            if found.field(name).type != kind:
                its = found.field(name).type
                raise ShardError(f"{path}: the column {name!r} is {its}, expected {kind}.")
        table = file.read(list(names))
        table.validate(full=True)
    except (pa.ArrowException, *DAMAGED) as error:
        raise damaged(path, error) from error
    empty = next((name for name in names if table[name].null_count), None)
    if empty is not None:
        raise ShardError(f"{path}: the column {empty!r} has empty cells; prepare the file again.")
    for name in names:
        _check_finite(path, table, name)
    return table


def _check_finite(path: Path, table: pa.Table, name: str) -> None:
    if name not in NUMBERS:
        return
    values = array_of_column(table, name)
    bad = ~np.isfinite(values).all(axis=tuple(range(1, values.ndim)))  # of no rows none
    if bad.any():
        raise ShardError(
            f"{path}, row {int(np.argmax(bad))}: {name} is not finite; prepare the file again."
        )


def array_of_column(table: pa.Table, name: str) -> np.ndarray:
    """A column but `image` and `mask` as `Crops` holds it."""
    column = table[name].combine_chunks()
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=np.str_)
    # from_dlpack, since `to_numpy` imports pandas wherever that is installed
    if not pa.types.is_fixed_size_list(column.type):
        return np.from_dlpack(column)
    flat = np.from_dlpack(column.flatten())
    shape = {3 * NUM_JOINTS: (NUM_JOINTS, 3), 2 * NUM_JOINTS: (NUM_JOINTS, 2)}
    return flat.reshape(-1, *shape.get(column.type.list_size, (column.type.list_size,)))
