"""Proves that the faults of the Human3.6M release are found, named and handled: writes a twin of
its Walking with all of them in it, and sends it through `doctor`, `prepare` and, if asked, training
and the tables.

    python scripts/prove_human36m.py [--share 1.0] [--picture-size 100] [--keep FOLDER] [--train]

`--share` is the share of the real numbers of frames (1.0: 162,008 pictures). Exit code 0 if every
fault came out as it must, 1 if not.
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
from human36m_twin import FAULTS, SHIFT_MM, SHIFTED, SHORT, Fault, recordings, write_twin
from rich.console import Console
from rich.table import Table

from posegrid import cli
from posegrid.datasets.human36m.files import read_pose_cdf
from posegrid.datasets.human36m.layout import POSES_CAMERA, view_path
from posegrid.datasets.shards import read_crops

ACTIONS = ("Walking", "Directions", "Eating", "Greeting", "SittingDown", "Waiting")


@dataclass(frozen=True)
class Settings:
    """How large the twin is, and where it is left."""

    share: float = 0.05
    """Share of the real numbers of frames."""
    picture_size: int = 100
    """Width and height of the pictures, pixels."""
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
        for written in write_twin(root, settings.share, settings.picture_size, settings.seed):
            console.print(
                f"written: {written.subject} {written.file_base}, {written.num_poses} poses",
                highlight=False,
            )
        console.print(f"twin: {time.process_time() - start:.0f} s of CPU")
        report = doctor_report(root, folder)
        facts = prepared(root, folder / "data", settings, "keep", ACTIONS)
        results = [judged(fault, report, facts) for fault in FAULTS]
        results += unasked(report, facts)
        results += shift_results(root, folder, settings)
        results.append(("frames", frames_in_words(settings, facts), True))
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
    flags += ["--subjects", "S9"] if s9 != "keep" else []
    if called("prepare", str(root), str(out), *flags) != (1 if s9 == "keep" else 0):
        raise SystemExit(
            "prepare ended with another exit code than 1 if there are faults, 0 if not"
        )
    return json.loads((out / "dataset.json").read_text())


def judged(fault: Fault, report: dict[str, Any], facts: dict[str, Any]) -> tuple[str, str, bool]:
    """(fault, what came out, whether that is right)."""
    whats = {
        f["what"]
        for f in report["findings"]
        if fault.where in f["where"] or fault.where in f["text"]
    }
    skipped = [reason for name, reason in facts["skipped"] if fault.where in name]
    notes = [text for name, text in facts["notes"] if fault.where in name]
    found = fault.doctor is None or fault.doctor in whats
    said = skipped if fault.skipped else notes
    handled = fault.prepare is None or any(fault.prepare in text for text in said)
    handled &= bool(skipped) == fault.skipped
    doctor = f"doctor: {fault.doctor}" if fault.doctor else "doctor: nothing to say"
    prepare = "left out" if fault.skipped else "noted" if fault.prepare else "as any other"
    verdict = "" if found and handled else f" -- BUT {sorted(whats)} {said}"
    return (
        f"{fault.name} ({fault.where})",
        f"{doctor}; prepare: {prepare}{verdict}",
        found and handled,
    )


def unasked(report: dict[str, Any], facts: dict[str, Any]) -> list[tuple[str, str, bool]]:
    """Whether anything was found, or left out, that is no fault: nothing must be."""
    faulty = [fault.where for fault in FAULTS if fault.doctor]
    findings = [
        f"{f['where']}: {f['what']}"
        for f in report["findings"]
        if not any(where in f["where"] or where in f["text"] for where in faulty)
    ]
    out = [
        name
        for name, _ in facts["skipped"]
        if not any(f.skipped and f.where in name for f in FAULTS)
    ]
    return [
        ("nothing else is found", "; ".join(findings[:5]) or "nothing", not findings),
        ("nothing else is left out", "; ".join(out[:5]) or "nothing", not out),
    ]


def shift_results(root: Path, folder: Path, settings: Settings) -> list[tuple[str, str, bool]]:
    """--s9 drop leaves the three sequences out and says so; --s9 correct puts the poses where they
    were.
    """
    actions = ("Greeting", "SittingDown", "Waiting")
    dropped = prepared(root, folder / "dropped", settings, "drop", (*actions, "Walking"))
    words = sum("--s9 drop" in text for _, text in dropped["notes"])
    prepared(root, folder / "corrected", settings, "correct", actions)
    after = read_crops(folder / "corrected", ["S9"])
    before_mm = np.stack(
        [
            released_root_mm(root, *which)
            for which in zip(after.action, after.camera_id, after.frame_index, strict=True)
        ]
    )
    moved_mm = np.linalg.norm(before_mm - after.root_cam_mm, axis=-1)
    right = len(after) == 12 * SHORT and np.allclose(moved_mm, np.linalg.norm(SHIFT_MM), atol=0.1)
    return [
        ("--s9 drop", f"{words} views are left out by name", words == 12),
        ("--s9 correct", f"{len(after)} poses, moved by {moved_mm.mean():.1f} mm", bool(right)),
    ]


def released_root_mm(root: Path, action: str, camera_id: str, frame: int) -> np.ndarray:
    """Where the twin's files have the pelvis of S9 in one of the shifted sequences, camera
    frame.
    """
    base = next(base for shifted, _, base in SHIFTED if shifted == action)
    return read_pose_cdf(view_path(root, "S9", POSES_CAMERA, base, camera_id), 3)[frame, 0]


def frames_in_words(settings: Settings, facts: dict[str, Any]) -> str:
    written = sum(4 * recording.num_poses for recording in recordings(settings.share))
    return f"{written:,} poses x cameras written, {facts['num_crops']:,} crops prepared"


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
