"""Shards: prepared crops in Parquet files, one file per sequence, and `dataset.json` that says what
they are.

The columns and the JSON are described in docs/design.md. Poses are mm in the source camera's frame
(x right, y down, z forward), relative to the pelvis; `root_cam_mm` is where the pelvis is.
"""

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from urllib.parse import quote, unquote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float

from posegrid.body.skeleton import NUM_JOINTS
from posegrid.datasets.dataset_facts import DatasetFacts, facts_of_json, pairs
from posegrid.errors import OutputError, SettingsError, ShardError
from posegrid.files import alone_in, completed
from posegrid.untrusted import DAMAGED, from_json

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


NUMBERS = ("pose_cam_mm", "root_cam_mm", "keypoints_crop_px", "crop_camera", "window", "time_s")
"""Columns whose numbers must be finite."""


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
    """From `crop.encode_mask`; only where the data set's crops have masks beside them."""


def schema_of(facts: DatasetFacts) -> pa.Schema:
    """The columns of a data set's shards."""
    return SCHEMA.append(MASK_COLUMN) if facts.has_masks else SCHEMA


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


def refuse_alike(folder: Path, names: list[str]) -> None:
    """Raise SettingsError if two shards of these names, or one of them and one that is there,
    would be one file on a disk that ignores case."""
    there = {path.name for path in shards_of(folder)}.difference(names)
    for one, other in pairwise(sorted([*names, *there], key=str.casefold)):
        if one.casefold() == other.casefold():
            raise SettingsError(
                f"{folder}: {one} and {other} would be one file on a disk that ignores upper and "
                "lower case. Rename one's subject, action or camera."
            )


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
        """Adds one crop. Raises ShardError if a number is not finite, or its mask is missing."""
        name = f"{row.subject} {row.action} {row.subaction} {row.camera_id}"
        for column in NUMBERS:
            if not np.isfinite(getattr(row, column)).all():
                raise ShardError(
                    f"{name}, frame {row.frame_index}: {column} is not finite. "
                    "A crop needs every number; leave the frame out."
                )
        if (row.mask is None) == (MASK_COLUMN.name in self._schema.names):
            raise ShardError(
                f"{name}, frame {row.frame_index}: a crop has a mask where the data set's "
                'background is "masked" or "masked_colour", and only there.'
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
                f"{self.path} cannot be written: {error}. Nothing was left under that name; "
                "make room and try again."
            ) from error


def _column(rows: list[CropRow], column: pa.Field) -> pa.Array:
    values = [getattr(row, column.name) for row in rows]
    if not pa.types.is_fixed_size_list(column.type):
        return pa.array(values, type=column.type)
    flat = np.stack(values).reshape(-1).astype(column.type.value_type.to_pandas_dtype())
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), column.type.list_size)


@contextmanager
def filled(folder: Path, facts: DatasetFacts) -> Iterator[None]:
    """The folder, for this process alone to fill with shards of these facts.

    Raises SettingsError if a shard there was made with other settings, OutputError as `alone_in`.
    """
    with alone_in(folder):
        for path in shards_of(folder):
            _check_alike(path, facts)
        yield


def _check_alike(path: Path, facts: DatasetFacts) -> None:
    earlier = load_shard_facts(path)
    differing = [
        f"{name} was {earlier.settings.get(name)!r}, now {value!r}"
        for name, value in facts.settings.items()
        if earlier.settings.get(name) != value
    ]
    for name in ("synthetic", "soft_masks"):
        before, now = getattr(earlier, name), getattr(facts, name)
        if before != now:
            differing.append(f"{name} was {before}, now {now}")
    if differing:
        raise SettingsError(
            f"{path.parent} was begun with other settings ({path.name}: {'; '.join(differing)}). "
            "Call with those settings to go on, or choose another folder."
        )


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


def load_shard_facts(path: Path) -> DatasetFacts:
    """What one shard says of itself. Raises ShardError if it is damaged."""
    try:
        metadata = pq.read_metadata(path)
    except (pa.ArrowException, *DAMAGED) as error:
        raise damaged(path, error) from error
    entries = metadata.metadata or {}
    if b"posegrid" not in entries:
        raise ShardError(
            f"{path} is a Parquet file but no shard of posegrid "
            "(it has no `posegrid` in its metadata)."
        )
    facts = facts_of_json(path, entries[b"posegrid"])
    try:
        notes = pairs(from_json(entries.get(b"posegrid_notes", b"[]")), "posegrid_notes")
    except DAMAGED as error:
        raise damaged(path, error) from error
    return replace(facts, notes=notes, num_crops=metadata.num_rows)


def damaged(path: Path, error: Exception) -> ShardError:
    """The error that a file is no sound Parquet."""
    return ShardError(
        f"{path} cannot be read as Parquet ({error}): delete it and prepare it again."
    )
