"""Proves that the faults of the Human3.6M release are found, named and handled, and its frames counted.

Writes a twin of the release with all the faults in it, and sends it through `doctor`, `prepare`
and, if asked, training and the tables.

    python scripts/prove_human36m.py [--share 1.0] [--all-actions] [--keep FOLDER] [--train]

`--share` is the share of the real numbers of frames (1.0: 162,008 pictures of Walking, 2,110,396
of all actions). Exit code 0 if every fault and every number came out as it must, 1 if not.
"""

import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from human36m_faults import FAULTS, Fault
from human36m_twin import (
    SHIFT_MM,
    SHIFTED,
    Recording,
    frame_counts,
    recordings,
    released,
    write_twin,
)
from rich.console import Console
from rich.table import Table

from posegrid import cli
from posegrid.body.camera import Camera
from posegrid.datasets.human36m.layout import CAMERA_IDS, POSES_CAMERA, view_path
from posegrid.datasets.human36m.metadata import load_metadata
from posegrid.datasets.human36m.release_files import read_pose_cdf
from posegrid.datasets.human36m.release_writer import default_file_base, write_metadata
from posegrid.datasets.shards import load_shard_facts, shards_of
from posegrid.datasets.stored_crops import Crops, read_crops

KNOWN = ("the last N of N video frames", "poses end early, as the release has it")
"""What is found of many of the release's sequences."""
WALKING = ("Walking",)
TRAINING, TEST = ("S1", "S5", "S6", "S7", "S8"), ("S9", "S11")
RELEASED = {"training": 1_559_752, "test": 550_644}
"""Frames of all actions and cameras."""
LEFT_OUT = (["frame", "left", "out:"], ["frames", "left", "out:"])
ACTIONS = ("Walking", "Directions", "Eating", "Greeting", "SittingDown", "Waiting")


@dataclass(frozen=True)
class Settings:
    """How large the twin is, and where it is left."""

    share: float = 0.05
    """Share of the real numbers of frames."""
    all_actions: bool = False
    """Write that share of all 15 actions, not of Walking alone."""
    picture_size: int = 100
    """Width and height of the pictures, pixels."""
    prepare: bool = True
    """Also prepare the twin, and see what became of each frame; else doctor alone."""
    every_nth_frame: int = 1
    """Frames that `prepare` takes of each sequence; it decodes all."""
    keep: Path | None = None
    """Folder to leave everything in; what of the twin is there already is written anew."""
    train: bool = False
    """Also pre-train, train and evaluate, briefly, and print the table."""
    workers: int = 1
    seed: int = 0


def main(settings: Settings) -> int:
    """Exit code."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = settings.keep or Path(temporary)
        root, console = folder / "twin", Console(width=150)
        shutil.rmtree(root, ignore_errors=True)
        start = time.process_time()
        todo = recordings(settings.share, settings.all_actions)
        for written in write_twin(root, todo, settings.picture_size, settings.seed):
            console.print(
                f"written: {written.subject} {written.file_base}, {written.num_poses} poses",
                highlight=False,
            )
        console.print(f"twin: {time.process_time() - start:.0f} s of CPU")
        report, facts = doctor_report(root, folder), None
        if settings.prepare:
            actions = () if settings.all_actions else ACTIONS
            facts = prepared(root, folder / "data", settings, "keep", actions)
        results = [*counted(folder / "counted"), *seen(todo, report, settings)]
        results += [judged(fault, report, facts) for fault in FAULTS]
        results += unasked(report, facts)
        if facts is not None:
            results += shift_results(root, folder, settings)
            results += accounted(todo, facts, settings.every_nth_frame)
        console.print(table_of(results))
        if settings.train:
            trained(folder)
    return 0 if all(good for _, _, good in results) else 1


def called(*arguments: str) -> int:
    """Exit code of a command, and how long it took, printed."""
    start = time.perf_counter()
    code = cli.run(list(arguments))
    print(
        f"posegrid {' '.join(arguments[:1])}: exit code {code}, {time.perf_counter() - start:.0f} s",
        flush=True,
    )
    return code


def doctor_report(root: Path, folder: Path) -> dict[str, Any]:
    if called("doctor", str(root), "--json", str(folder / "doctor.json")) != 1:
        raise SystemExit("doctor did not end with exit code 1, though there are faults")
    return json.loads((folder / "doctor.json").read_text())


def prepared(
    root: Path, out: Path, settings: Settings, s9: str, actions: tuple[str, ...]
) -> dict[str, Any]:
    """dataset.json after `prepare` with the flag --s9."""
    shutil.rmtree(out, ignore_errors=True)
    flags = ["--s9", s9, "--workers", str(settings.workers), "--actions", *actions]
    flags += ["--every-nth-frame", str(settings.every_nth_frame)]
    flags += ["--subjects", "S9"] if s9 != "keep" else []
    if called("prepare", str(root), str(out), *flags) != (1 if s9 == "keep" else 0):
        raise SystemExit(
            "prepare ended with another exit code than 1 if there are faults, 0 if not"
        )
    facts = json.loads((out / "dataset.json").read_text())
    halves = {"training": TRAINING, "test": TEST}
    counts = {
        name: sum(load_shard_facts(path).num_crops for path in shards_of(out, subjects))
        for name, subjects in halves.items()
    }
    return facts | {"crops": counts}


def seen(
    todo: list[Recording], report: dict[str, Any], settings: Settings
) -> list[tuple[str, str, bool]]:
    """Whether doctor counts each pose of the sequences that it finds no fault with; of a whole twin
    these and the faulty ones' are as many as the release's."""
    faulty = {f["where"] for f in report["findings"] if f["level"] == "fault"}
    broken = {f.where for f in FAULTS if f.name == "S11's broken view"}
    found, total = [], 0
    for half, subjects in (("training", TRAINING), ("test", TEST)):
        views = [
            (r.num_poses, f"{' '.join(map(str, r.key))} {camera_id}")
            for r in todo
            for camera_id in CAMERA_IDS
            if r.subject in subjects
        ]
        usable = sum(n for n, name in views if name not in faulty | broken)
        total += usable
        written = sum(n for n, _ in views)
        text = f"{written:,} poses x cameras written = {usable:,} + those of faulty sequences"
        whole = settings.share == 1 and settings.all_actions
        found.append((f"{half} frames", text, written == RELEASED[half] or not whole))
    counted = sum(report["frames"].values())
    return [*found, ("frames that doctor counts", f"{counted:,} of {total:,}", counted == total)]


def judged(
    fault: Fault, report: dict[str, Any], facts: dict[str, Any] | None
) -> tuple[str, str, bool]:
    """(fault, what came out, whether that is right); facts: None if nothing was prepared."""
    whats = {
        f["what"]
        for f in report["findings"]
        if fault.where in f["where"] or fault.where in f["text"]
    }
    found = fault.doctor is None or fault.doctor in whats
    doctor = f"doctor: {fault.doctor}" if fault.doctor else "doctor: nothing to say"
    name, prepare, handled, said = f"{fault.name} ({fault.where})", "", True, []
    if facts is not None:
        skipped = [reason for name, reason in facts["skipped"] if fault.where in name]
        said = skipped if fault.skipped else [t for n, t in facts["notes"] if fault.where in n]
        handled = fault.prepare is None or any(fault.prepare in text for text in said)
        handled &= bool(skipped) == fault.skipped
        how = "left out" if fault.skipped else "noted" if fault.prepare else "as any other"
        prepare = f"; prepare: {how}"
    verdict = "" if found and handled else f" -- BUT {sorted(whats)} {said}"
    return name, doctor + prepare + verdict, found and handled


def unasked(report: dict[str, Any], facts: dict[str, Any] | None) -> list[tuple[str, str, bool]]:
    """Whether anything was found, or left out, that is no fault: nothing must be."""
    faulty = [fault.where for fault in FAULTS if fault.doctor]
    findings = [
        f"{f['where']}: {f['what']}"
        for f in report["findings"]
        if not any(where in f["where"] or where in f["text"] for where in faulty)
        and not f["what"].startswith(KNOWN)
    ]
    out = [
        name
        for name, _ in (facts or {"skipped": ()})["skipped"]
        if not any(f.skipped and f.where in name for f in FAULTS)
    ]
    return [
        ("nothing else is found", "; ".join(findings[:5]) or "nothing", not findings),
        ("nothing else is left out", "; ".join(out[:5]) or "nothing", not out),
    ]


def shift_results(root: Path, folder: Path, settings: Settings) -> list[tuple[str, str, bool]]:
    """--s9 drop leaves the three sequences out and says so; --s9 correct puts poses where they were."""
    actions = ("Greeting", "SittingDown", "Waiting")
    dropped = prepared(root, folder / "dropped", settings, "drop", (*actions, "Walking"))
    words = sum("--s9 drop" in text for _, text in dropped["notes"])
    prepared(root, folder / "corrected", settings, "correct", actions)
    crops = read_crops(folder / "corrected", ["S9"])
    keys = zip(crops.action, crops.subaction, strict=True)
    after = crops.subset(
        np.array([("S9", action, subaction) in SHIFTED for action, subaction in keys])
    )
    before_mm = np.stack([released_root_mm(root, after, row) for row in range(len(after))])
    moved_mm = np.linalg.norm(before_mm - after.root_cam_mm, axis=-1)
    todo = recordings(settings.share, settings.all_actions)
    every = settings.every_nth_frame
    poses = 4 * sum(taken(r.num_poses, every) for r in todo if r.key in SHIFTED)
    right = len(after) == poses and np.allclose(moved_mm, np.linalg.norm(SHIFT_MM), atol=0.1)
    return [
        ("--s9 drop", f"{words} views are left out by name", words == 12),
        ("--s9 correct", f"{len(after)} poses, moved by {moved_mm.mean():.1f} mm", bool(right)),
    ]


def released_root_mm(root: Path, crops: Crops, row: int) -> np.ndarray:
    """Where the twin's files have the pelvis of a crop of S9, camera frame."""
    base = default_file_base(str(crops.action[row]), int(crops.subaction[row]), "S9")
    path = view_path(root, "S9", POSES_CAMERA, base, str(crops.camera_id[row]))
    return read_pose_cdf(path, 3)[crops.frame_index[row], 0]


def counted(folder: Path) -> list[tuple[str, str, bool]]:
    """The numbers of frames that metadata.xml tells of, against those that the literature has."""
    counts = frame_counts(released())
    write_metadata(
        folder, {("S1", CAMERA_IDS[0]): Camera((1145, 1144), (512, 515), (1000, 1002))}, counts
    )
    metadata = load_metadata(folder / "metadata.xml")

    def frames(subjects: tuple[str, ...], actions: tuple[str, ...], every: int = 1) -> int:
        return sum(
            taken(metadata.num_poses(key) or 0, every) * len(CAMERA_IDS)
            for key in metadata.file_bases
            if key[0] in subjects and key[1] in actions and metadata.has_poses(key)
        )

    posed = metadata.posed_actions
    whole = frames(TEST, posed)
    directions = len(CAMERA_IDS) * (metadata.num_poses(("S11", "Directions", 2)) or 0)
    expected = (
        ("training frames, all actions", frames(TRAINING, posed), RELEASED["training"]),
        ("test frames, all actions", whole, RELEASED["test"]),
        ("test frames without S11's second Directions", whole - directions, 543_344),
        ("training frames, Walking", frames(TRAINING, WALKING), 132_744),
        ("test frames, Walking", frames(TEST, WALKING), 29_264),
        ("every 64th test frame", frames(TEST, posed, 64), 8_724),
    )
    return [(name, f"{found:,} of {right:,}", found == right) for name, found, right in expected]


def taken(num_poses: int, every: int) -> int:
    """How many of frames 0 to `num_poses` - 1 are 0, n, 2n, ..."""
    return -(-num_poses // every)


def accounted(
    todo: list[Recording], facts: dict[str, Any], every: int
) -> list[tuple[str, str, bool]]:
    """Whether every pose is a crop, or was left out by name, of either half of the people: none is
    lost in silence."""
    remarks = [(name, text.split()) for name, text in facts["notes"]]
    left_out = [(name, int(words[0])) for name, words in remarks if words[1:4] in LEFT_OUT]
    of_views = {" ".join(map(str, r.key)): taken(r.num_poses, every) for r in todo}
    found = []
    for half, subjects in (("training", TRAINING), ("test", TEST)):
        crops = facts["crops"][half]
        written = sum(4 * taken(r.num_poses, every) for r in todo if r.subject in subjects)
        names = [name for name, _ in facts["skipped"] if name.split()[0] in subjects]
        skipped = sum(of_views[name.rpartition(" ")[0]] for name in names)
        frames = sum(count for name, count in left_out if name.split()[0] in subjects)
        text = (
            f"{written:,} poses x cameras written = {crops:,} crops + {skipped:,} of "
            f"sequences left out + {frames:,} frames left out"
        )
        found.append((f"{half} frames", text, written == crops + skipped + frames))
    return found


def table_of(results: list[tuple[str, str, bool]]) -> Table:
    table = Table(title="What came out", title_justify="left")
    for name in ("fault", "result", ""):
        table.add_column(name)
    for name, text, good in results:
        table.add_row(name, text, "ok" if good else "WRONG")
    return table


def trained(folder: Path) -> None:
    """A brief pre-training and training, and the table beside the published figures."""
    data, run = str(folder / "data"), folder / "run"
    shutil.rmtree(run, ignore_errors=True)
    steps = (
        ("pretrain", data, "--run", str(run / "pretrain"), "--max-images", "4000"),
        (
            "train",
            data,
            "--run",
            str(run / "train"),
            "--init",
            str(run / "pretrain/best.safetensors"),
        )
        + ("--max-images", "8000"),
        (
            "evaluate",
            str(run / "train/best.safetensors"),
            data,
            "--out",
            str(run / "evaluation"),
            "--table",
        ),
    )
    for step in steps:
        if called(*step):
            raise SystemExit(f"posegrid {step[0]} failed")


if __name__ == "__main__":
    sys.exit(main(tyro.cli(Settings)))
