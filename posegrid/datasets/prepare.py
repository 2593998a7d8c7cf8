"""`posegrid prepare`: recordings (Human3.6M, MPI-INF-3DHP, one's own) become a folder of shards,
one crop per frame.

Every sequence is read frame by frame (never held as a whole), by as many processes as `workers`
says. A sequence that cannot be read is named, skipped and counted; a second call does what is
missing and leaves the rest untouched.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from jaxtyping import Bool, Float, UInt8
from rich.console import Console
from tyro.conf import Positional, arg

from posegrid.body.skeleton import ROOT, relative_to_root
from posegrid.datasets.dataset_facts import (
    DATASET_FILE,
    NEEDS_MASKS,
    DatasetFacts,
    write_dataset_facts,
)
from posegrid.datasets.found_masks import box_round_joints, with_found_masks
from posegrid.datasets.parallel import Finished, done, follow, report_done_before
from posegrid.datasets.recordings import ShiftedPoses, SplitName, source_of
from posegrid.datasets.sequence import Frame, Sequence
from posegrid.datasets.shards import (
    CropRow,
    ShardWriter,
    filled,
    load_shard_facts,
    refuse_alike,
    shard_name,
    shards_of,
    subjects_in,
)
from posegrid.datasets.source import PoseKind, Source, View
from posegrid.errors import OutputError, SettingsError, ShardError, SourceError
from posegrid.people.crop import (
    DEFAULT_MARGIN,
    WITH_MASK,
    Background,
    ImageFormat,
    Silhouette,
    cleaned_part,
    encode_image,
    encode_mask,
    person_crop,
    window_of_box,
)

JOINT_REACH = 0.02
"""How far outside the mask a joint still counts as held, as a share of the box's longer side: masks
cut ankles off."""

Masks = Literal["given", "find"]


@dataclass(frozen=True)
class PrepareSettings:
    """What to take from a Human3.6M tree, and how to crop it."""

    root: Positional[Annotated[Path, arg(metavar="ROOT")]]
    """Folder of Human3.6M (metadata.xml, S1, S5, ...), of MPI-INF-3DHP, or of one's own
    recordings."""
    out: Positional[Annotated[Path, arg(metavar="OUT")]]
    """Folder for the shards; a second call with the same settings goes on where the first one
    stopped."""
    subjects: tuple[str, ...] = ()
    """Subjects to take, e.g. S1 S9; all if none are named."""
    actions: tuple[str, ...] = ("Walking",)
    """Actions to take, e.g. Walking Eating; all if none are named, and of recordings other than
    Human3.6M."""
    cameras: tuple[str, ...] = ()
    """Cameras to take, e.g. 54138969; all if none are named."""
    image_size: int = 128
    """Width and height of a crop, pixels."""
    margin: float = DEFAULT_MARGIN
    """Room round the person, a share: the crop's side is (1 + margin) x the longer side of the
    person's box."""
    image_format: ImageFormat = "jpeg"
    """How crops are compressed; png is exact and larger."""
    quality: int = 90
    """JPEG quality, 1 to 95."""
    every_nth_frame: int = 1
    """Take frames 0, n, 2n, ..."""
    min_motion_mm: float = 0.0
    """Of those, take a frame only if some joint moved so far (mm) since the last one taken; 40 is
    usual."""
    background: Background = "removed"
    """What is not the person: removed (black), kept, or masked (kept, with the person's mask beside
    the crop), all grey; colour (kept) or masked_colour (masked), in red, green and blue."""
    masks: Masks = "given"
    """given: the recordings' own. find: where they have none, the finder's, of the person whose
    joints are known."""
    min_joints_in_mask: float = 0.8
    """Leave out frames whose mask (its largest part) holds a smaller share of the joints, 0 to 1; 0
    keeps all."""
    poses: PoseKind = "mono"
    """Which 3D poses. mono: camera frame, the person's own size. world: those of the room, taken
    into the camera by metadata.xml (Human3.6M only). universal: limbs of one length for everybody
    (Human3.6M), or one height (MPI-INF-3DHP, as its papers measure)."""
    s9: ShiftedPoses = "keep"
    """S9's sequences whose poses lie beside the person (Greeting, SittingDown 1, Waiting 1;
    Human3.6M only). keep: as they are. drop: left out. correct: moved by 200 mm along the world's x
    axis."""
    split: SplitName = "subjects-5-2"
    """Which subjects of Human3.6M train, validate and test; for one's own, split.json in ROOT says
    it."""
    workers: int = field(default_factory=lambda: os.cpu_count() or 1)
    """Sequences prepared at a time, each by its own process."""
    cluster: str | None = None
    """Prepare on a Ray cluster: its address (ray://HOST:10001), or local to start one here with
    --workers CPUs. ROOT and OUT must be the same on all its machines. Ray asks nobody who they
    are: keep its ports in a closed network."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("image_size", 8, 2048),
            ("margin", 0, 10),
            ("quality", 1, 95),
            ("every_nth_frame", 1, 10**6),
            ("min_motion_mm", 0, 10**5),
            ("min_joints_in_mask", 0, 1),
            ("workers", 1, 10**4),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise SettingsError(
                    f"--{name.replace('_', '-')} {value}: it must lie between {low} and {high}."
                )


def prepare(settings: PrepareSettings) -> DatasetFacts:
    """What the finished data set says of itself, after every sequence was turned into a shard.

    Raises SettingsError if the folder was begun with other settings, OutputError if the disk
    refuses, and, when all else is done, SourceError if a sequence had to be skipped that is not
    known to be damaged in everybody's copy.
    """
    out = settings.out
    source = source_of(settings.root, settings.poses, settings.s9, settings.split)
    if out.is_file():
        raise OutputError(f"{out}: is a file; choose a folder for the shards.")
    lacks_masks = settings.masks == "given" and not source.has_masks
    if lacks_masks and settings.background in NEEDS_MASKS:
        raise SettingsError(
            f"{source.root} holds {source.kind}, whose masks are not read: "
            "call with --masks find or --background kept."
        )
    actions = asked_actions(settings, source)
    found = source.find(settings.subjects or None, actions, settings.cameras or None)
    refuse_alike(out, [shard_path(view, out).name for view in found])
    splits = source.splits()
    if not settings.subjects:
        source.refuse_absent(splits)
    facts = DatasetFacts(
        image_size=settings.image_size,
        image_format=settings.image_format,
        background=settings.background,
        settings=recorded(settings),
        synthetic=source.synthetic,
        source=source.kind,
    )
    with filled(out, facts):
        return prepare_found(settings, source, found, replace(facts, splits=splits))


def prepare_found(
    settings: PrepareSettings, source: Source, found: list[View], facts: DatasetFacts
) -> DatasetFacts:
    """As `prepare`, of these views; `facts` hold the splits as the source has them."""
    console, out = Console(markup=False), settings.out
    dropped = {view.name: f.text for view in found for f in source.faults(view) if f.left_out}
    found = [view for view in found if view.name not in dropped]
    to_do = [view for view in found if not shard_path(view, out).exists()]
    report_done_before(len(found) - len(to_do), len(found), "sequences", console)
    pieces = [partial(prepare_view, view, source, settings, facts) for view in to_do]
    prepared = done(pieces, settings.workers, settings.cluster, console)
    outcomes = follow(prepared, len(to_do), "sequences", console)
    skipped = sorted([o.name, o.trouble] for o in outcomes if o.trouble)
    left_out = [[name, f"left out: {why}"] for name, why in dropped.items()]
    named = {subject for subjects in facts.splits.values() for subject in subjects}
    facts = summed_up(facts, out, skipped, left_out)
    write_dataset_facts(out, facts)
    console.print(
        f"{out}: {facts.num_crops} crops of {len(shards_of(out))} sequences",
        markup=False,
        soft_wrap=True,
    )
    for note in split_notes(facts, set(subjects_in(out)) - named):
        console.print(f"{out}: {note}", markup=False, soft_wrap=True)
    excused = {v.name for v in to_do if any(fault.unreadable for fault in source.faults(v))}
    mendable = [name for name, _ in skipped if name not in excused or not facts.num_crops]
    if mendable:
        raise SourceError(
            f"{len(mendable)} of {len(found)} sequences were skipped: {', '.join(mendable)}. The "
            f"reasons are above and in {out / DATASET_FILE}; mend them and call again."
        )
    return facts


def asked_actions(settings: PrepareSettings, source: Source) -> tuple[str, ...] | None:
    """The actions to take, None for all; each source has usual ones, Human3.6M's the default."""
    named = settings.actions != PrepareSettings.actions
    return settings.actions or None if named else source.usual_actions


def recorded(settings: PrepareSettings) -> dict[str, object]:
    """The settings that decide what the crops are, as JSON holds them."""
    values = asdict(settings) | {"root": str(settings.root.resolve())}
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in values.items()
        if name not in ("out", "workers", "cluster")
    }


def shard_path(view: View, out: Path) -> Path:
    """Where the sequence's shard lies."""
    return out / shard_name(view.subject, view.action, view.subaction, view.camera_id)


def summed_up(
    facts: DatasetFacts, out: Path, skipped: list[list[str]], left_out: list[list[str]]
) -> DatasetFacts:
    """The facts of the whole data set, from the shards there; of the splits, who is there."""
    shards, present = [load_shard_facts(path) for path in shards_of(out)], subjects_in(out)
    splits = {
        name: [subject for subject in subjects if subject in present]
        for name, subjects in facts.splits.items()
    }
    return replace(
        facts,
        splits=splits,
        skipped=skipped,
        notes=[*(note for shard in shards for note in shard.notes), *left_out],
        num_crops=sum(shard.num_crops for shard in shards),
    )


def split_notes(facts: DatasetFacts, strangers: set[str]) -> Iterator[str]:
    """What is odd about who trains and tests, in words."""
    if strangers:
        who = ", ".join(sorted(strangers))
        yield f"in no part of the split, so nobody trains or tests on them: {who}"
    if empty := [name for name, subjects in facts.splits.items() if not subjects]:
        yield f"there are no crops of anybody for {', '.join(empty)}"


def prepare_view(
    view: View, source: Source, settings: PrepareSettings, facts: DatasetFacts
) -> Finished:
    """Writes one sequence's shard, unless it is there; one that cannot be read leaves none, and
    its trouble.
    """
    path = shard_path(view, settings.out)
    if path.exists():
        return Finished(view.name, 1)
    try:
        sequence = source.open(view)
        if settings.masks == "find":
            sequence = with_found_masks(sequence)
        with ShardWriter(path, facts) as shard:
            write_crops(sequence, settings, shard)
        return Finished(view.name, 1, f"({shard.num_rows} crops)")
    except (SourceError, ShardError) as error:
        known = [f"Note: {fault.text}." for fault in source.faults(view)]
        return Finished(view.name, 1, trouble=" ".join([str(error), *known]))


def write_crops(sequence: Sequence, settings: PrepareSettings, shard: ShardWriter) -> None:
    """Writes every n-th frame's crop; frames without a usable mask are counted in the shard's
    notes.

    Raises SourceError if no frame was usable: a sequence without a person is damaged.
    """
    for note in sequence.notes:
        shard.note(sequence.name, note)
    left_out: Counter[str] = Counter()
    last_taken_mm = None
    for frame in sequence.open_frames(settings.every_nth_frame):
        pose_mm = sequence.pose_cam_mm[frame.index]
        if last_taken_mm is not None and not moved(pose_mm, last_taken_mm, settings.min_motion_mm):
            continue
        row = crop_row(sequence, frame, settings)
        if isinstance(row, str):
            left_out[row] += 1
        else:
            shard.write(row)
            last_taken_mm = pose_mm
    remarks = [
        f"{count} frame{'s' * (count > 1)} left out: {reason}"
        for reason, count in sorted(left_out.items())
    ]
    if not shard.num_rows:
        raise SourceError(
            f"{sequence.name}: no frame can be cropped "
            f"({'; '.join(remarks) or 'it has no frames'})."
        )
    for remark in remarks:
        shard.note(sequence.name, remark)


def moved(
    pose_mm: Float[np.ndarray, "17 3"], earlier_mm: Float[np.ndarray, "17 3"], least_mm: float
) -> bool:
    """Whether some joint lies at least so far from where it was; cameras stand still, so any fixed
    frame will do."""
    return bool(np.linalg.norm(pose_mm - earlier_mm, axis=1).max() >= least_mm)


def crop_row(sequence: Sequence, frame: Frame, settings: PrepareSettings) -> CropRow | str:
    """The frame's crop, or why it has none.

    Raises SourceError where there is no mask and the settings ask for the background's removal.
    """
    keypoints_px = sequence.keypoints_px[frame.index]
    if frame.mask is None:
        if settings.background in NEEDS_MASKS:
            raise SourceError(
                f"{sequence.name}: there are no masks, which the background is removed with. "
                "Unpack them (Human3.6M: MySegmentsMat/ground_truth_bs of this subject), or call "
                "with --masks find or --background kept."
            )
        person, box = None, box_round_joints(keypoints_px)
    else:
        pixels, corner = cleaned_part(frame.mask)
        if not pixels.size:
            return "the mask is empty"
        person = Silhouette(pixels * np.uint8(255), corner, 1, frame.picture.size_wh)
        box, least = person.box_xyxy, settings.min_joints_in_mask
        reach_px = JOINT_REACH * max(box[2:] - box[:2])
        if share_of_joints_held(pixels, keypoints_px - corner, reach_px) < least:
            return f"the mask holds less than {least:.0%} of the joints"
    # Rounded to what the shard holds, so that the crop, its camera and its keypoints follow from
    # the same numbers.
    window = window_of_box(box, settings.margin).astype(np.float32)
    image, mask = crop_and_mask(frame, person, window, settings)
    camera = sequence.camera.windowed(window, settings.image_size)
    pose_cam_mm = sequence.pose_cam_mm[frame.index]
    return CropRow(
        image=encode_image(image, settings.image_format, settings.quality),
        mask=None if mask is None else encode_mask(mask),
        pose_cam_mm=relative_to_root(pose_cam_mm),
        root_cam_mm=pose_cam_mm[ROOT],
        keypoints_crop_px=(keypoints_px - window[:2]) * (settings.image_size / window[2]),
        crop_camera=np.array([*camera.focal_px, *camera.principal_px]),
        window=window,
        subject=sequence.subject,
        action=sequence.action_of(frame.index),
        subaction=sequence.subaction,
        camera_id=sequence.camera_id,
        frame_index=frame.index,
        time_s=frame.time_s,
    )


def crop_and_mask(
    frame: Frame,
    person: Silhouette | None,
    window: Float[np.ndarray, "3"],
    settings: PrepareSettings,
) -> tuple[UInt8[np.ndarray, "*colours size size"], UInt8[np.ndarray, "size size"] | None]:
    """The crop, and beside it the person's mask in it where the settings ask for it."""
    if person is None:
        person = Silhouette(np.zeros((1, 1), np.uint8), (0, 0), 1, frame.picture.size_wh)
    crop = person_crop(frame.picture, person, window, settings.image_size, settings.background)
    if settings.background not in WITH_MASK:
        return crop, None
    return crop[0] if len(crop) == 2 else crop[:-1], crop[-1]


def share_of_joints_held(
    mask: Bool[np.ndarray, "H W"], keypoints_px: Float[np.ndarray, "17 2"], reach_px: float
) -> float:
    """Share of the keypoints with a pixel of the mask within `reach_px` (in x and in y)."""
    low = np.maximum(np.floor(keypoints_px - reach_px), 0).astype(int)
    high = np.maximum(np.floor(keypoints_px + reach_px) + 1, 0).astype(int)
    held = [mask[y0:y1, x0:x1].any() for (x0, y0), (x1, y1) in zip(low, high, strict=True)]
    return float(np.mean(held))
