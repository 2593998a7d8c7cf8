"""The Track: poses over time, and the files that carry them. All that drawing, scoring and
exporting know.

The Track file is an `.npz` without pickled objects. Its arrays and their names are stable:

    frame         (T,)       int64    index of the frame in the source, from 0
    time_s        (T,)       float64  time of the frame, from the container
    joints_mm     (T, 17, 3) float32  camera frame, relative to the pelvis; NaN where nobody is
    root_mm       (T, 3)     float32  the pelvis in the camera frame, or NaN
    keypoints_px  (T, 17, 2) float32  in the source picture
    sigma_mm      (T, 17)    float32  expected error of each joint; NaN: not known
    box_xyxy      (T, 4)     float32  the person's box in the source picture, half open
    confidence    (T,)       float32  how sure it is that this is the person, 0 to 1; NaN as the box
    feet_mm       (T, 4, 3)  float32  heels and toes (`FEET_NAMES`) as joints_mm; NaN: not known
    facts         JSON text: format, skeleton, unit, axes, fps, camera, camera_assumed,
    camera_fixed, contacts, filled_frames, scale_known, warnings, raw, weights, source, version

Files of before 0.2 have no confidence, those of weights that know no feet no feet_mm; they are read
as NaN.

JSON and CSV hold the same and read back exactly; TRC, C3D, BVH, GLB, USD are for other programs
(docs/formats.md).
"""

from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, overload

import numpy as np
from jaxtyping import Bool, Float, Int

from posegrid import __version__
from posegrid.body.camera import AXES, UNIT, Camera
from posegrid.body.contacts import Contact, as_json, contact_rows, contacts_in
from posegrid.body.formats.in_space import IN_SPACE
from posegrid.body.formats.text import columns_of, tidy_columns
from posegrid.body.skeleton import (
    FEET_NAMES,
    FEET_PARENTS,
    JOINT_NAMES,
    SKELETON,
    Skeleton,
    skeleton_named,
)
from posegrid.body.track_content import content_of
from posegrid.body.track_file import ARRAYS, TRACK_FORMAT, WHERE_KNOWN, check_values, load_values
from posegrid.errors import SettingsError, optional
from posegrid.files import written

if TYPE_CHECKING:
    import pandas

SomeTrack = TypeVar("SomeTrack", bound="Track")


@dataclass(frozen=True, eq=False, repr=False)
class Track:
    """Poses of one person over time; arrays as in the module's table, T frames.

    `track["left_knee"]`: one joint's places (T, 3), relative to the pelvis, of the 17 or the feet's
    four. `track[10:50]`: those frames; `track.between(1.0, 2.5)`: those seconds.
    """

    frame: Int[np.ndarray, "T"]
    time_s: Float[np.ndarray, "T"]
    joints_mm: Float[np.ndarray, "T 17 3"]
    root_mm: Float[np.ndarray, "T 3"]
    keypoints_px: Float[np.ndarray, "T 17 2"]
    sigma_mm: Float[np.ndarray, "T 17"]
    box_xyxy: Float[np.ndarray, "T 4"]
    confidence: Float[np.ndarray, "T"]
    feet_mm: Float[np.ndarray, "T 4 3"]
    camera: Camera
    fps: float
    """Mean frame rate of the source, frames per second; `time_s` is exact."""
    weights: str
    """Name of the weights that made the estimate."""
    source: str
    """Name of the video."""
    camera_assumed: bool = True
    """The intrinsics were not given but assumed from a field of view."""
    filled_frames: tuple[int, ...] = ()
    """Frames in which nobody was found and whose pose was interpolated (`fill`); their sigma and
    box are NaN.
    """
    scale_known: bool = False
    """The person's height was given: lengths are not those of an average adult."""
    camera_fixed: bool = True
    """False: the camera moved, so that `root_mm` says how the person moved as seen from it, not in
    the room.
    """
    raw: bool = False
    """As the network told it, frame by frame: not refined (docs/motion.md)."""
    ENDINGS = (".npz", ".json", ".csv", *IN_SPACE, ".html")
    """What the names of files that `save` writes end in."""
    warnings: tuple[str, ...] = ()
    """Sentences on what in the video or the motion is unlikely, so that figures may be wrong."""
    contacts: tuple[Contact, ...] = ()
    """Where somebody has said by hand that a foot stands, or does not (docs/app.md)."""

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        seconds = f"{np.ptp(self.time_s):.2f} s" if len(self) else "none"
        return (
            f"Track({self.source}: {len(self)} frames, {seconds}, at {self.fps:.4g} per second; "
            f"person found in {self.found.sum()}; weights {self.weights})"
        )

    @overload
    def __getitem__(self, key: str) -> Float[np.ndarray, "T 3"]: ...

    @overload
    def __getitem__(self: SomeTrack, key: slice) -> SomeTrack: ...

    def __getitem__(self: SomeTrack, key: object) -> "SomeTrack | Float[np.ndarray, 'T 3']":
        """One joint's places by its name, or the frames of a slice as a Track."""
        if isinstance(key, str):
            names = (*JOINT_NAMES, *FEET_NAMES)
            if key not in names:
                raise SettingsError(f"no joint {key!r}; there are {', '.join(names)}.")
            return self._joints_21_mm()[:, names.index(key)]
        if not isinstance(key, slice):
            raise SettingsError(
                f"track[{key!r}]: expected a joint's name or frames as a slice; track[3:4] is a frame."
            )
        return self._rows(np.arange(len(self))[key])

    def between(self: SomeTrack, begin_s: float, end_s: float) -> SomeTrack:
        """The frames from `begin_s` to before `end_s`, by their times."""
        return self._rows(np.flatnonzero((self.time_s >= begin_s) & (self.time_s < end_s)))

    def _rows(self: SomeTrack, rows: Int[np.ndarray, "N"]) -> SomeTrack:
        arrays = {name: values[rows] for name, values in self.arrays().items()}
        span_s = float(np.ptp(arrays["time_s"])) if len(rows) else 0.0
        kept = set(arrays["frame"].tolist())
        filled = tuple(frame for frame in self.filled_frames if frame in kept)
        fps = (len(rows) - 1) / span_s if span_s > 0 else self.fps
        said = contacts_in(contact_rows(self.contacts, self.frame)[rows], arrays["frame"])
        return replace(self, **arrays, fps=fps, filled_frames=filled, contacts=said)

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the 17 joints, in their order."""
        return JOINT_NAMES

    def _joints_21_mm(self) -> Float[np.ndarray, "T 21 3"]:
        return np.concatenate([self.joints_mm, self.feet_mm], axis=1)

    @property
    def joints_and_feet_mm(self) -> Float[np.ndarray, "T J 3"]:
        """The joints of `human36m_21`, or the 17 alone where nothing is known of the feet."""
        return self._joints_21_mm() if np.isfinite(self.feet_mm).any() else self.joints_mm

    @property
    def keypoints_and_feet_px(self) -> Float[np.ndarray, "T J 2"]:
        """The keypoints of `joints_and_feet_mm`: the feet's points as far beside their ankles' as they
        project.
        """
        if not np.isfinite(self.feet_mm).any():
            return self.keypoints_px
        joints_mm = (self._joints_21_mm() + self.root_mm[:, None]).astype(np.float64)
        parents, points_px = list(FEET_PARENTS), self.camera.project(joints_mm)
        feet_px = points_px[:, len(JOINT_NAMES) :] - points_px[:, parents]
        return np.concatenate([self.keypoints_px, self.keypoints_px[:, parents] + feet_px], axis=1)

    @property
    def found(self) -> Bool[np.ndarray, "T"]:
        """True where a person was found."""
        return np.asarray(np.isfinite(self.joints_mm).all(axis=(1, 2)))

    def save(self, path: Path | str, *, pinned: bool = False) -> None:
        """Write the Track in the format that the name ends in: .npz, .json, .csv, .trc, .c3d, .bvh,
        .glb, .usd (extra `[usd]`), or .html, a page that shows it in 3D.

        The first three hold everything and read back exactly; the others hold the joints in space,
        turned upright (y up), the camera's centre their origin; see docs/formats.md for units and
        for frames without a person. pinned: put the pelvis at the origin in every frame instead
        (not for the first three, which keep both apart). The file appears under its name only when
        complete. Raises OutputError: an unknown ending, a folder that cannot be written, no place
        of the pelvis in any frame, or numbers that `load` would refuse, such as times that run
        backwards.
        """
        path = Path(path)
        check_values(path, self.arrays(), self.facts())
        content = content_of(self, path, pinned=pinned)
        with written(path, "choose another place") as temporary:
            temporary.write_bytes(content)

    def to_dataframe(self, *, wide: bool = False) -> "pandas.DataFrame":
        """The numbers for pandas: a row for each frame and joint, or, if `wide`, for each frame, with
        the columns of the CSV file.

        x, y, z are the joint's place relative to the pelvis, in mm, camera frame. Raises
        SettingsError where pandas is not installed.
        """
        columns = columns_of if wide else tidy_columns
        return optional("pandas").DataFrame(columns(self.saved_arrays()))

    def to(self, skeleton: str) -> "SkeletonTrack":
        """The same motion with the joints of another skeleton: coco17, mediapipe33, openpose25,
        mpii16, human36m_21, human36m_32.

        Joints that it has and `human36m_21` has not are NaN (see `body/skeleton.py`), as are heels
        and toes where they are not known; no keypoints or sigmas of theirs are. Raises
        SettingsError.
        """
        target = skeleton_named(skeleton)
        return SkeletonTrack(
            skeleton=target,
            frame=self.frame,
            time_s=self.time_s,
            joints_mm=_taken(self._joints_21_mm(), target),
            root_mm=self.root_mm,
            keypoints_px=_taken(_with_unsaid_feet(self.keypoints_px), target),
            sigma_mm=_taken(_with_unsaid_feet(self.sigma_mm), target),
            confidence=self.confidence,
        )

    def arrays(self) -> dict[str, np.ndarray]:
        """The Track's arrays by name."""
        return {
            name: np.asarray(getattr(self, name), dtype=dtype)
            for name, (dtype, _) in ARRAYS.items()
        }

    def saved_arrays(self) -> dict[str, np.ndarray]:
        """The arrays as a file holds them: without the feet where nothing is known of them."""
        return {
            name: values
            for name, values in self.arrays().items()
            if name not in WHERE_KNOWN or np.isfinite(values).any()
        }

    def facts(self) -> dict[str, object]:
        """What the file says besides the arrays, as JSON holds it."""
        camera = {f.name: np.asarray(getattr(self.camera, f.name)).tolist() for f in fields(Camera)}
        return {
            "format": TRACK_FORMAT,
            "skeleton": SKELETON,
            "unit": UNIT,
            "axes": AXES,
            "fps": self.fps,
            "camera": camera,
            "camera_assumed": self.camera_assumed,
            "filled_frames": list(self.filled_frames),
            "scale_known": self.scale_known,
            "warnings": list(self.warnings),
            "camera_fixed": self.camera_fixed,
            "contacts": as_json(self.contacts),
            "raw": self.raw,
            "weights": self.weights,
            "source": self.source,
            "posegrid_version": __version__,
        }

    @classmethod
    def load(cls: type[SomeTrack], path: Path | str) -> SomeTrack:
        """The Track in a .npz, .json or .csv file.

        Raises SourceError if there is none, one of another format or skeleton, or one that says
        what no Track can.
        """
        return cls(**load_values(Path(path)))


@dataclass(frozen=True, eq=False, repr=False)
class SkeletonTrack:
    """A Track's motion with the J joints of another skeleton; NaN for joints that are not
    estimated. T frames.
    """

    skeleton: Skeleton
    frame: Int[np.ndarray, "T"]
    time_s: Float[np.ndarray, "T"]
    joints_mm: Float[np.ndarray, "T J 3"]
    """Camera frame, relative to the pelvis of `human36m_17`."""
    root_mm: Float[np.ndarray, "T 3"]
    """That pelvis in the camera frame, or NaN."""
    keypoints_px: Float[np.ndarray, "T J 2"]
    sigma_mm: Float[np.ndarray, "T J"]
    confidence: Float[np.ndarray, "T"]

    def __repr__(self) -> str:
        return f"SkeletonTrack({self.skeleton.name}: {len(self.frame)} frames)"


def _with_unsaid_feet(values: Float[np.ndarray, "T 17 *rest"]) -> Float[np.ndarray, "T 21 *rest"]:
    return np.pad(
        values,
        [(0, 0), (0, len(FEET_NAMES)), *[(0, 0)] * (values.ndim - 2)],
        constant_values=np.nan,
    )


def _taken(
    values: Float[np.ndarray, "T 21 *rest"], target: Skeleton
) -> Float[np.ndarray, "T J *rest"]:
    """The values of the target's joints: taken over, the mean of two, or NaN."""
    nothing = np.full_like(values[:, 0], np.nan)
    joints = [
        values[:, sources].mean(axis=1) if sources else nothing for sources in target.sources()
    ]
    return np.stack(joints, axis=1)
