"""Shards: prepared crops in Parquet files, one file per sequence, and `dataset.json` that says what
they are.

The columns and the JSON are described in docs/design.md. Poses are mm in the source camera's frame
(x right, y down, z forward), relative to the pelvis; `root_cam_mm` is where the pelvis is.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float, Float32, Float64, Int, Shaped, UInt8

from posegrid.body.rotations import smallest_rotations
from posegrid.body.skeleton import NUM_JOINTS
from posegrid.datasets.dataset_facts import (
    DATASET_FILE,
    DatasetFacts,
    check_readable,
    facts_of_json,
    load_dataset_facts,
    write_dataset_facts,
)
from posegrid.errors import OutputError, SettingsError, ShardError
from posegrid.files import completed
from posegrid.people.crop import decode_image, decode_mask

__all__ = [
    "CropRow",
    "Crops",
    "DatasetFacts",
    "ShardWriter",
    "load_dataset_facts",
    "load_shard_facts",
    "read_crops",
    "shard_name",
    "shards_of",
    "subjects_in",
    "write_dataset_facts",
]

MASK_COLUMN = pa.field("mask", pa.binary())
"""Only in shards of crops with their masks."""

LONGEST_NAME = 240
"""Bytes of a file name, of 255, with room for the temporary one."""
ROWS_PER_GROUP = 512
"""Rows that a writer holds before it writes them: about 2 MB of 128 px crops."""

SCHEMA = pa.schema(
    [
        ("image", pa.binary()),
        ("pose_cam_mm", pa.list_(pa.float32(), 3 * NUM_JOINTS)),
        ("root_cam_mm", pa.list_(pa.float32(), 3)),
        ("keypoints_crop_px", pa.list_(pa.float32(), 2 * NUM_JOINTS)),
        ("crop_camera", pa.list_(pa.float64(), 4)),
        ("window", pa.list_(pa.float32(), 3)),
        ("subject", pa.string()),
        ("action", pa.string()),
        ("camera_id", pa.string()),
        ("subaction", pa.int32()),
        ("frame_index", pa.int32()),
        ("time_s", pa.float64()),
    ]
)


_ARRAYS = [name for name in SCHEMA.names if name != "image"]

# --- writing


@dataclass(frozen=True, eq=False)
class CropRow:
    """One crop: the compressed picture and all that is known about it."""

    image: bytes
    """From `crop.encode_image`."""
    pose_cam_mm: Float[np.ndarray, "17 3"]
    """Relative to the pelvis, axes of the source camera."""
    root_cam_mm: Float[np.ndarray, "3"]
    """The pelvis in the source camera's frame."""
    keypoints_crop_px: Float[np.ndarray, "17 2"]
    crop_camera: Float[np.ndarray, "4"]
    """fx, fy, cx, cy of the crop's camera, in the crop's pixels."""
    window: Float[np.ndarray, "3"]
    """x0, y0, side in the source picture's pixels."""
    subject: str
    action: str
    subaction: int
    camera_id: str
    frame_index: int
    time_s: float
    mask: bytes | None = None
    """From `crop.encode_mask`; only where the data set's background is "masked"."""


def schema_of(facts: DatasetFacts) -> pa.Schema:
    """The columns of a data set's shards."""
    return SCHEMA.append(MASK_COLUMN) if facts.background == "masked" else SCHEMA


def shard_name(subject: str, action: str, subaction: int, camera_id: str) -> str:
    """File name of a sequence's shard, e.g. "S9_Walking_1_54138969.parquet".

    Names of sequences and of files are one-to-one: what other than ASCII letters, digits, "." and
    "-" stands in a name is written as %XX, byte by byte of its UTF-8. Raises SettingsError for
    names too long for a file's, or of no UTF-8.
    """
    try:
        parts = [_quoted(part) for part in (subject, action, str(subaction), camera_id)]
    except UnicodeEncodeError as error:
        raise SettingsError(
            f"{subject!r}, {action!r}, {camera_id!r}: a name is no UTF-8."
        ) from error
    name = "_".join(parts) + ".parquet"
    if len(name) > LONGEST_NAME:
        raise SettingsError(
            f"The names {subject!r}, {action!r} and {camera_id!r} make a file name of {len(name)} "
            f"bytes, of which disks take {LONGEST_NAME}. Rename the folders or videos."
        )
    return name


def _quoted(text: str) -> str:
    quoted = quote(text, safe="").replace("_", "%5F").replace("~", "%7E")
    return quoted.replace(".", "%2E", 1) if quoted.startswith(".") else quoted


def _subject_in(path: Path) -> str:
    """Whose crops a shard holds, by its name."""
    return unquote(path.name.split("_")[0])


class ShardWriter:
    """Writes one shard row by row, holding at most `ROWS_PER_GROUP` rows in memory.

        with ShardWriter(path, facts) as shard:
            shard.write(row)

    The file gets its name when all is written: after any failure (a full disk, an error in the
    block, Ctrl-C) there is no file of that name, or the old one. Raises OutputError where the disk
    refuses.
    """

    def __init__(self, path: Path, facts: DatasetFacts) -> None:
        self.path = path
        self.num_rows = 0
        self._rows: list[CropRow] = []
        self._notes: list[list[str]] = []
        self._open_files = ExitStack()
        self._schema = schema_of(facts).with_metadata(
            {"posegrid": json.dumps(facts.of_one_shard())}
        )

    def __enter__(self) -> "ShardWriter":
        with self._refusals_named():
            temporary = self._open_files.enter_context(completed(self.path))
            file = self._open_files.enter_context(pa.OSFile(str(temporary), "wb"))
            self._parquet = self._open_files.enter_context(
                pq.ParquetWriter(file, self._schema, compression="zstd")
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._refusals_named():
            if error is not None:
                self._open_files.__exit__(kind, error, trace)
                return
            with self._open_files:
                self._flush()
                self._parquet.add_key_value_metadata({"posegrid_notes": json.dumps(self._notes)})

    def write(self, row: CropRow) -> None:
        """Adds one crop. Raises ShardError if one of its numbers is not finite, or its mask is
        missing."""
        for name in (
            "pose_cam_mm",
            "root_cam_mm",
            "keypoints_crop_px",
            "crop_camera",
            "window",
            "time_s",
        ):
            if not np.isfinite(getattr(row, name)).all():
                raise ShardError(
                    f"{row.subject} {row.action} {row.subaction} {row.camera_id}, frame {row.frame_index}: "
                    f"{name} is not finite. A crop needs every number; leave the frame out."
                )
        if (row.mask is None) == (MASK_COLUMN.name in self._schema.names):
            raise ShardError(
                f"{row.subject} {row.action} {row.subaction} {row.camera_id}, frame {row.frame_index}: a crop has "
                'a mask where the data set\'s background is "masked", and only there.'
            )
        self._rows.append(row)
        self.num_rows += 1
        if len(self._rows) == ROWS_PER_GROUP:
            self._flush()

    def note(self, sequence: str, remark: str) -> None:
        """Leaves a remark in the file, gathered in the data set's `notes`."""
        self._notes.append([sequence, remark])

    def _flush(self) -> None:
        if self._rows:
            table = pa.Table.from_arrays(
                [_column(self._rows, f) for f in self._schema], schema=self._schema
            )
            with self._refusals_named():
                self._parquet.write_table(table)
            self._rows = []

    @contextmanager
    def _refusals_named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"{self.path} cannot be written: {error}. Nothing was left under that name; make room and try again."
            ) from error


def _column(rows: list[CropRow], column: pa.Field) -> pa.Array:
    values = [getattr(row, column.name) for row in rows]
    if not pa.types.is_fixed_size_list(column.type):
        return pa.array(values, type=column.type)
    flat = np.stack(values).reshape(-1).astype(column.type.value_type.to_pandas_dtype())
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), column.type.list_size)


# --- reading


@dataclass(frozen=True, eq=False)
class Crops:
    """N crops in memory, and all that is known about each; row i of every array belongs to crop
    i."""

    images: UInt8[np.ndarray, "N size size"]
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
    packed_masks: UInt8[np.ndarray, "N size eighth"] | None = None
    """The persons' masks, eight pixels of a row in a byte (`np.packbits`); None unless the data set
    has them."""

    def __len__(self) -> int:
        return len(self.images)

    def subset(self, rows: Shaped[np.ndarray, "M"] | slice) -> "Crops":
        """The crops of the given rows (indices, a boolean per crop, or a slice), in their order."""
        columns = {
            f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None
        }
        return Crops(**{name: values[rows] for name, values in columns.items()})

    @property
    def inputs(self) -> UInt8[np.ndarray, "N *channels size size"]:
        """What a network of this data set takes: the crops, or (N, 2, size, size): crops and masks,
        0 or 255."""
        if self.packed_masks is None:
            return self.images
        masks = np.unpackbits(self.packed_masks, axis=-1, count=self.images.shape[-1])
        return np.stack([self.images, masks * np.uint8(255)], axis=1)

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
    return smallest_rotations(ray, np.array([0.0, 0.0, 1.0]))


def in_view(
    pose_cam_mm: Float32[np.ndarray, "N 17 3"],
    crop_camera: Float64[np.ndarray, "N 4"],
    image_size: int,
) -> Float32[np.ndarray, "N 17 3"]:
    """Poses in the frame of the virtual camera that looks at the crop's centre, mm."""
    turns = rotations_to_view(crop_camera, image_size)
    return np.einsum("nij,nkj->nki", turns, pose_cam_mm).astype(np.float32)


def shards_of(folder: Path, subjects: Iterable[str] | None = None) -> list[Path]:
    """The folder's shards in the order of their names, of the given subjects (None: of all)."""
    paths = sorted(path for path in folder.glob("*.parquet") if not path.name.startswith("."))
    if subjects is None:
        return paths
    wanted = set(subjects)
    return [path for path in paths if _subject_in(path) in wanted]


def subjects_in(folder: Path) -> list[str]:
    """Subjects that the folder has shards of, by the files' names."""
    return sorted({_subject_in(path) for path in shards_of(folder)})


def read_crops(folder: Path, subjects: Sequence[str] | None = None, *, threads: int = 2) -> Crops:
    """All crops of the subjects (None: of everybody), images decoded, in the order of the files'
    names and frames.

    128 px crops take 16 kB each: 150,000 of them 2.5 GB. Raises ShardError, naming the file, for a
    data set without `dataset.json`, a subject without crops, and a shard that is damaged, lacks a
    column, or does not fit the others.
    """
    shards = shards_in(folder, subjects)
    facts, total = load_dataset_facts(folder), sum(shard.num_rows for shard in shards)
    images = np.zeros((total, facts.image_size, facts.image_size), dtype=np.uint8)
    masks = np.zeros((*images.shape[:2], -(-facts.image_size // 8)), dtype=np.uint8)
    parts, start = [], 0
    for shard in shards:
        table = shard.table()
        parts.append({name: array_of_column(table, name) for name in _ARRAYS})
        rows = slice(start, start + shard.num_rows)
        shard.decode_into(images[rows], table, "image", threads)
        if facts.background == "masked":
            shard.decode_into(masks[rows], table, "mask", threads)
        start = rows.stop
    arrays = {name: np.concatenate([part[name] for part in parts]) for name in _ARRAYS}
    return Crops(
        images=images, **arrays, packed_masks=masks if facts.background == "masked" else None
    )


def crops_by_shard(folder: Path, subjects: Sequence[str] | None = None) -> Iterator[Crops]:
    """The same crops, a shard at a time: more of them than memory holds. Raises as `read_crops`."""
    facts = load_dataset_facts(folder)
    for shard in shards_in(folder, subjects):
        table = shard.table()
        arrays = {name: array_of_column(table, name) for name in _ARRAYS}
        images = np.zeros((shard.num_rows, facts.image_size, facts.image_size), dtype=np.uint8)
        shard.decode_into(images, table, "image", 2)
        masks = None
        if facts.background == "masked":
            masks = np.zeros((*images.shape[:2], -(-facts.image_size // 8)), dtype=np.uint8)
            shard.decode_into(masks, table, "mask", 2)
        yield Crops(images=images, **arrays, packed_masks=masks)


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
        found = set(array_of_column(table, "subject").tolist())
        strangers = set() if self.subjects is None else found - set(self.subjects)
        if strangers:
            raise ShardError(
                f"{self.path} holds crops of {', '.join(sorted(strangers))}, not of whom its name "
                "says: renamed?"
            )
        return table

    def decoded(self, data: bytes, column: str, row: int) -> UInt8[np.ndarray, "size width"]:
        """The picture in this cell of the column `image` or `mask` (packed: eight pixels a byte).

        Raises ShardError, naming file and row, if it is damaged or of another size.
        """
        side = self.facts.image_size
        try:
            picture = decode_image(data) if column == "image" else decode_mask(data)
        except ShardError as error:
            raise ShardError(f"{self.path}, row {row}: {error}") from error
        if picture.shape != (side, side):
            raise ShardError(
                f"{self.path}, row {row}: the image is {picture.shape[1]} x {picture.shape[0]}, "
                f"its data set's are {side} x {side}."
            )
        return picture if column == "image" else np.packbits(picture, axis=-1)

    def decode_into(self, out: np.ndarray, table: pa.Table, column: str, threads: int) -> None:
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
    facts = load_dataset_facts(folder)
    for subject in subjects if subjects is not None else ():
        if not shards_of(folder, [subject]):
            known = ", ".join(subjects_in(folder)) or "none"
            raise ShardError(f"{folder} has no crops of the subject {subject!r}; it has: {known}.")
    paths = shards_of(folder, subjects)
    if not paths:
        whose = " of no subjects" if subjects is not None else ""
        raise ShardError(f"{folder} has no shards (*.parquet){whose}.")
    allowed = None if subjects is None else tuple(subjects)
    return [Shard(path, facts, _count_if_fitting(path, facts), allowed) for path in paths]


def load_shard_facts(path: Path) -> DatasetFacts:
    """What one shard says about itself (and its own `notes` and `num_crops`). Raises ShardError if
    it is damaged."""
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    entries = metadata.metadata or {}
    if b"posegrid" not in entries:
        raise ShardError(
            f"{path} is a Parquet file but no shard of posegrid (it has no `posegrid` in its metadata)."
        )
    notes = json.loads(entries.get(b"posegrid_notes", b"[]"))
    return replace(
        facts_of_json(path, entries[b"posegrid"]), notes=notes, num_crops=metadata.num_rows
    )


def _damaged(path: Path, error: Exception) -> ShardError:
    return ShardError(
        f"{path} cannot be read as Parquet ({error}): delete it and prepare it again."
    )


def _count_if_fitting(path: Path, facts: DatasetFacts) -> int:
    """Number of rows, after checking that the shard is of the data set that the facts describe."""
    shard = load_shard_facts(path)
    check_readable(path, shard)
    for name in ("skeleton", "unit", "axes", "image_size", "background"):
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
        for column in schema:
            if column.name not in found.names:
                raise ShardError(
                    f"{path} lacks the column {column.name!r}; it has: {', '.join(found.names)}."
                )
            its = found.field(column.name).type
            if its != column.type:
                raise ShardError(
                    f"{path}: the column {column.name!r} is {its}, expected {column.type}."
                )
        table = file.read(list(names))
    except (pa.ArrowException, OSError) as error:
        raise _damaged(path, error) from error
    for name in names:
        if table[name].null_count:
            raise ShardError(
                f"{path}: the column {name!r} has empty cells; prepare the file again."
            )
    return table


def array_of_column(table: pa.Table, name: str) -> np.ndarray:
    """A column but `image` and `mask` as `Crops` holds it."""
    column = table[name].combine_chunks()
    if pa.types.is_string(column.type):
        return np.array(column.to_pylist(), dtype=np.str_)
    if not pa.types.is_fixed_size_list(column.type):
        return column.to_numpy()
    flat = column.flatten().to_numpy()
    shape = {3 * NUM_JOINTS: (NUM_JOINTS, 3), 2 * NUM_JOINTS: (NUM_JOINTS, 2)}
    return flat.reshape(-1, *shape.get(column.type.list_size, (column.type.list_size,)))
