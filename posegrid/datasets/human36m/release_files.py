"""The two binary formats of the Human3.6M release: poses in CDF files, masks in MATLAB files.

A pose file holds one variable `Pose`, float32, (1, T, 32 * d), d = 3 (mm) or 2 (pixels): x1 y1 z1
x2 ... of 32 joints. A mask file (MATLAB 7.3, which is HDF5) holds `Masks`, a cell array with one
logical picture per frame; older MATLAB files, masks as one three-dimensional array, and any type of
number are read too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from io import SEEK_END, BytesIO
from math import prod
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import cdflib
import h5py
import numpy as np
from cdflib import cdfwrite
from jaxtyping import Bool, Float, Float32

from posegrid.body.skeleton import HUMAN36M_32_NAMES
from posegrid.datasets.matlab import opened_matlab, refuse_missing_or_web_page
from posegrid.errors import OutputError, SourceError
from posegrid.files import written
from posegrid.people.crop import box_of
from posegrid.untrusted import DAMAGED

NUM_FILE_JOINTS = len(HUMAN36M_32_NAMES)
CDF_FLOAT = 44
"""The CDF format's number for 32-bit floats (CDF_FLOAT)."""

BYTES_PER_READ = 8
"""An entry of a CDF file's index takes 16 bytes and is read once."""
COUNTS_IN_RECORDS = {2: (36, 40, 48, 52), 6: (12, 16), 8: (332,)}
"""Where in a CDF record (version 3, after its length) there are counts, by its type: the whole
file's, an index, a variable."""
MOST_COUNTED = 10_000
MOST_COMPRESSED, HARMLESS = 100, 64_000_000
"""Bytes of poses in a byte of a file: no file has more of them, unless there are few."""
ADVICE = "make room and try again"
MOST_MASKS, MOST_PIXELS = 10**6, 10**8
"""More masks in a file, or pixels in a mask, are no sequence of Human3.6M."""


def read_pose_cdf(path: Path, dimensions: int) -> Float32[np.ndarray, "T 32 {dimensions}"]:
    """Joints of a pose file, frame by frame: 3 dimensions in mm, 2 in pixels.

    Raises SourceError if there is no such file, it is no CDF file (a web page, say), is cut off,
    has another shape, or holds values that are no finite numbers.
    """
    refuse_missing_or_web_page(path)
    try:
        cdf = _BoundedCdf(path)
        _refuse_impossible_size(path, cdf)
        pose = np.asarray(cdf.varget("Pose"))
        with np.errstate(over="ignore"):  # what is too large becomes infinite, and is refused below
            values = pose.reshape(-1, pose.shape[-1]).astype(np.float32, casting="same_kind")
    except DAMAGED as error:
        raise SourceError(
            f"{path}: cannot be read as a CDF file with a variable 'Pose' ({error}): it is damaged "
            "or cut off. "
            "Download or copy it again."
        ) from error
    expected = NUM_FILE_JOINTS * dimensions
    if values.shape[-1] != expected:
        raise SourceError(
            f"{path}: 'Pose' has {values.shape[-1]} numbers per frame, expected {expected} (32 "
            f"joints x {dimensions})."
        )
    good = np.isfinite(values).all(axis=1)
    if not good.all():
        raise SourceError(
            f"{path}: {np.sum(~good)} of {good.size} frames hold values that are no numbers, first "
            "frame "
            f"{int(np.argmin(good))}. Download or copy the file again."
        )
    return values.reshape(-1, NUM_FILE_JOINTS, dimensions)


class _BoundedFile:
    """A file that refuses to be read more often than a sound file of its size could need, and
    records that count more than they could hold.

    The records of a CDF file name each other by their place. A damaged one may name itself, and
    cdflib would follow for ever. It also counts as far as a record says before it looks.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._reads_left = 10_000 + file.seek(0, SEEK_END) // BYTES_PER_READ
        file.seek(0)

    def read(self, size: int = -1) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise ValueError("its records go round in circles")
        record = self._file.read(size)
        for place in COUNTS_IN_RECORDS.get(int.from_bytes(record[:4], "big"), ()):
            if int.from_bytes(record[place : place + 4], "big") > MOST_COUNTED:
                raise ValueError("a record counts more than it can hold")
        return record

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


class _BoundedCdf(cdflib.CDF):
    """cdflib's reader on bounded files; `_f` is the file that it reads from."""

    @property
    def _f(self) -> Any:
        return self.__dict__["_bounded_file"]

    @_f.setter
    def _f(self, file: Any) -> None:
        self.__dict__["_bounded_file"] = _BoundedFile(file)

    def _read_gdr(self, byte_loc: int) -> Any:
        self._refuse_other_record(byte_loc, (2,))
        return super()._read_gdr(byte_loc)

    def _read_vdr3(self, byte_loc: int) -> Any:
        self._refuse_other_record(byte_loc, (3, 8))
        return super()._read_vdr3(byte_loc)

    def _refuse_other_record(self, place: int, kinds: tuple[int, ...]) -> None:
        """cdflib takes what lies at a place for the record it looks for."""
        self._f.seek(place)
        kind = int.from_bytes(self._f.read(12)[8:], "big")
        if kind not in kinds:
            raise ValueError(f"a record of kind {kind} lies where one of {kinds} should")


def _refuse_impossible_size(path: Path, cdf: cdflib.CDF) -> None:
    """Raise ValueError if 'Pose' claims more numbers than the file can hold, before memory is set
    aside for them."""
    variable = cdf.varinq("Pose")
    count = prod(variable.Dim_Sizes) * (variable.Last_Rec + 1)
    most = max(MOST_COMPRESSED * path.stat().st_size, HARMLESS)
    if not 0 < 4 * count <= most:
        raise ValueError(f"it declares {count} numbers, and has {path.stat().st_size} bytes")


def write_pose_cdf(path: Path, joints: Float[np.ndarray, "T 32 d"]) -> None:
    """Write joints as a pose file (float32). Raises OutputError if a value is no finite number or
    the disk refuses."""
    if path.suffix != ".cdf":
        raise OutputError(
            f"{path}: the name of a pose file must end in .cdf, or cdflib drops what follows the "
            "dot."
        )
    if len(joints) == 0 or not bool(np.isfinite(joints).all()):
        raise OutputError(
            f"{path}: {len(joints)} frames of joints, some of which are missing or no numbers."
        )
    values = joints.reshape(1, len(joints), -1).astype(np.float32)
    variable = {
        "Variable": "Pose",
        "Data_Type": CDF_FLOAT,
        "Num_Elements": 1,
        "Rec_Vary": True,
        "Var_Type": "zVariable",
        "Dim_Sizes": list(values.shape[1:]),
        "Compress": 0,  # cdflib's compression puts the time of day into the file
    }
    with written(path, ADVICE) as temporary:
        cdf = cdfwrite.CDF(temporary, cdf_spec={"Majority": "row_major"}, delete=True)
        cdf.write_var(variable, var_data=values)
        cdf.close()


class MaskReader:
    """The masks of an opened mask file, read one at a time. See `opened_masks`."""

    def __init__(self, path: Path, file: h5py.File) -> None:
        """Raises SourceError if the file holds no masks, ValueError if it declares too many."""
        self.path = path
        self._file = file
        data = file.get("Masks")
        if not isinstance(data, h5py.Dataset):
            names = ", ".join(name for name in map(str, file) if not name.startswith("#"))
            raise SourceError(f"{path}: holds no variable 'Masks', only {names or 'nothing'}.")
        in_cells = data.dtype == h5py.ref_dtype
        count, pixels = (data.size or 0, 0) if in_cells else (*data.shape[:1], prod(data.shape[1:]))
        if count > MOST_MASKS or pixels > MOST_PIXELS:
            what = "" if in_cells else f" of {pixels} pixels"
            raise ValueError(f"it declares {count} masks{what}")
        if not in_cells and (data.ndim != 3 or data.dtype.kind not in "buif"):
            raise SourceError(
                f"{path}: 'Masks' has the shape {data.shape} of {data.dtype}, expected cells, or "
                "an "
                "array of frames x columns x rows."
            )
        self._cells: Any = data[()].ravel() if in_cells else data

    def __len__(self) -> int:
        """Number of masks."""
        return len(self._cells)

    def mask(self, index: int) -> Bool[np.ndarray, "H W"] | None:
        """True where the person is in frame `index`; None for an empty cell."""
        try:
            cell = self._cells[index]
            values = self._picture(cell) if isinstance(cell, h5py.Reference) else cell
        except DAMAGED as error:
            raise SourceError(
                f"{self.path}: mask {index} of {len(self)} cannot be read ({error}): the file is "
                "damaged. Download or copy it again."
            ) from error
        if values is None or values.size == 0:
            return None
        if values.ndim == 3:  # saved as a colour picture; the axis of colours comes first
            values = values.any(axis=0)
        if values.ndim != 2 or values.dtype.kind not in "buif":
            raise SourceError(
                f"{self.path}: mask {index} has the shape {values.shape} of {values.dtype}, "
                "expected a picture."
            )
        return (values != 0).T  # a view: turning a whole picture round costs more than its use

    def _picture(self, reference: h5py.Reference) -> np.ndarray | None:
        """Numbers of one cell, axes as HDF5 has them: [colour,] column, row; None if empty."""
        data = self._file[reference]
        if not isinstance(data, h5py.Dataset):
            raise ValueError("it refers to no picture")
        if "MATLAB_empty" in data.attrs:
            return None
        if prod(data.shape) > MOST_PIXELS:
            raise ValueError(f"it declares {prod(data.shape)} pixels")
        return np.asarray(data[()])


@contextmanager
def opened_masks(path: Path) -> Iterator[MaskReader]:
    """The masks of a MATLAB file of any version, read lazily while the block runs.

    Raises SourceError if it is no such file.
    """
    with opened_matlab(path, ("Masks",)) as file:
        try:
            masks = MaskReader(path, file)
        except DAMAGED as error:
            raise SourceError(
                f"{path}: cannot be read as a MATLAB 7.3 file ({error}): it is damaged or cut off. "
                "Download or copy it again."
            ) from error
        yield masks


class MaskWriter:
    """Writes a mask file of MATLAB 7.3, mask by mask; the file appears under its name when all is
    well.

        with MaskWriter(path) as masks:
            masks.write(mask)

    Until then the compressed masks (some kB each) are held in memory: HDF5 does not tell in time
    that a disk is full. Leaving the block by an exception writes nothing. Raises OutputError where
    the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._references: list[h5py.Reference] = []
        self._shape: tuple[int, ...] | None = None

    def __enter__(self) -> "MaskWriter":
        self._bytes = BytesIO()
        self._file = h5py.File(self._bytes, "w", userblock_size=512)
        self._pictures = self._file.create_group("#refs#")
        return self

    def write(self, mask: Bool[np.ndarray, "H W"]) -> None:
        """Append the mask of the next frame."""
        index = len(self._references)
        if mask.shape != (self._shape or mask.shape):
            raise OutputError(
                f"{self.path}: mask {index} has the shape {mask.shape}, those before {self._shape}."
            )
        self._shape = mask.shape
        picture = self._pictures.create_dataset(
            f"frame{index:06d}",
            data=np.ascontiguousarray(mask.T).view(np.uint8),
            chunks=mask.shape[::-1],
            compression="gzip",
            compression_opts=1,
        )
        picture.attrs["MATLAB_class"] = np.bytes_("logical")
        picture.attrs["MATLAB_int_decode"] = np.int32(1)
        self._references.append(picture.ref)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if error is None and self._references:
            cells = self._file.create_dataset(
                "Masks", (len(self._references), 1), dtype=h5py.ref_dtype
            )
            cells.attrs["MATLAB_class"] = np.bytes_("cell")
            cells[:, 0] = self._references
        self._file.close()
        if error is not None:
            return
        if not self._references:
            raise OutputError(f"{self.path}: no mask was written, so there is no file of masks.")
        content = self._bytes.getbuffer()
        header = _matlab_header()
        content[: len(header)] = header
        with written(self.path, ADVICE) as temporary:
            temporary.write_bytes(content)


def filled_box(mask: Bool[np.ndarray, "H W"]) -> Bool[np.ndarray, "H W"]:
    """The smallest upright box round the mask, as a mask: so the release stores boxes."""
    box = np.zeros_like(mask)
    sides = box_of(mask)
    if sides is not None:
        x0, y0, x1, y1 = sides.astype(int)
        box[y0:y1, x0:x1] = True
    return box


def _matlab_header() -> bytes:
    """The 128 bytes by which MATLAB knows its files: text, no subsystem data, version 2.0, byte
    order."""
    text = b"MATLAB 7.3 MAT-file, Platform: posegrid, HDF5 schema 1.00 ."
    return text.ljust(116) + bytes(8) + b"\x00\x02IM"
