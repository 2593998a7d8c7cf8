"""Every reader of files that others wrote, and what comes of a file: read, refused, or a find.

A reader may answer or raise an error of posegrid's. Anything else is a find: another exception, more
than 10 seconds, or more than 1 GB of memory. `tests/corpus` holds a sound file for each reader.
"""

import os
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, redirect_stdout, suppress
from functools import cache
from io import StringIO
from pathlib import Path

import pyarrow

from posegrid.errors import PosegridError

MOST_SECONDS, MOST_BYTES = 10, 2**30
CORPUS = Path(__file__).parents[1] / "tests" / "corpus"

Reader = Callable[[Path], object]
"""Reads a file that lies in an otherwise empty folder, which it may write to."""


def read_boxes(path: Path) -> object:
    from posegrid.video.boxes import load_boxes

    return load_boxes(path)


def read_camera(path: Path) -> object:
    from posegrid.datasets.camera_files import load_camera

    return load_camera(path, Path("walk.54138969.mp4"), (1000, 1000))


def read_folder_camera(path: Path) -> object:
    from posegrid.datasets.folder import load_own_camera

    return load_own_camera(path)


def read_folder_poses(path: Path) -> object:
    from posegrid.datasets.folder import load_poses

    return load_poses(path)


def read_split(path: Path) -> object:
    from posegrid.datasets.folder import load_split

    return load_split(path)


def read_dataset(path: Path) -> object:
    from posegrid.datasets.dataset_facts import load_dataset_facts
    from posegrid.datasets.stored_crops import read_crops

    (path.parent / "dataset.json").write_bytes(path.read_bytes())
    facts = load_dataset_facts(path.parent)
    return read_crops(path.parent, facts.subjects_of("train"))


def read_shard(path: Path) -> object:
    from posegrid.datasets.dataset_facts import write_dataset_facts
    from posegrid.datasets.shards import load_shard_facts
    from posegrid.datasets.stored_crops import read_crops

    facts = load_shard_facts(path)
    write_dataset_facts(path.parent, facts)
    return read_crops(path.parent)


def read_track(path: Path) -> object:
    from posegrid.motion.motion_track import MotionTrack
    from posegrid.results.convert import NOTES, write_track_file

    track = MotionTrack.load(path)
    for ending in NOTES:
        with _refusals():
            write_track_file(track, path.parent / "out", "a", ending)
    with _refusals():
        track.refined()
    with _refusals():
        track.gait().save(path.parent / "out" / "gait.json")
    return track


def read_edits(path: Path) -> object:
    from dataclasses import replace

    from posegrid.body.track import Track
    from posegrid.motion.edits import Edits, edited, fingerprint

    edits, track = Edits.load(path), Track.load(CORPUS / "track" / "a.npz")
    tracks = dict.fromkeys(edits.fingerprints, track)
    return edited(tracks, replace(edits, fingerprints=dict.fromkeys(tracks, fingerprint(track))))


def read_predictions(path: Path) -> object:
    from posegrid.results.predictions import Predictions
    from posegrid.results.scores import scores

    return scores(Predictions.load(path))


def read_evaluation(path: Path) -> object:
    from posegrid.results import run_page
    from posegrid.results.curves import load_figures
    from posegrid.results.run_parts import Parts
    from posegrid.results.tables import comparison_markdown

    figures = load_figures(path)
    with _refusals():
        comparison_markdown(figures)
    nothing = dict.fromkeys(("pretrain", "train", "scratch", "predictions", "data", "weights"))
    parts = Parts(path.parent, figures=figures, **nothing)
    return (run_page.tiles(parts), run_page.subtitle(parts), run_page.closing_section(parts))


def read_curve(path: Path) -> object:
    from posegrid.results.curves import load_curve

    return load_curve(path, "a")


def read_poses(path: Path) -> object:
    from posegrid.datasets.human36m.release_files import read_pose_cdf

    return read_pose_cdf(path, 3)


def read_masks(path: Path) -> object:
    from posegrid.datasets.human36m.release_files import opened_masks

    with opened_masks(path) as masks:
        return [masks.mask(index) for index in range(min(len(masks), 50))]


def read_annotation(path: Path) -> object:
    from posegrid.datasets.mpi_inf_3dhp.annotations import read_test_annotation

    return read_test_annotation(path)


def read_calibration(path: Path) -> object:
    from posegrid.datasets.mpi_inf_3dhp.annotations import read_calibration as read

    return read(path, "4")


def read_metadata(path: Path) -> object:
    from posegrid.datasets.human36m.metadata import load_metadata

    metadata = load_metadata(path)
    return metadata.camera(metadata.subjects[0], metadata.camera_ids[0], (1000, 1000))


def read_capture(path: Path) -> object:
    from posegrid.walkers.motion.acclaim import load_motion_capture

    skeleton, motion = CORPUS / "capture" / "a.asf", CORPUS / "capture" / "a_1.amc"
    pair = (path, motion) if path.suffix == ".asf" else (skeleton, path)
    return load_motion_capture(*pair)


def read_bvh(path: Path) -> object:
    from posegrid.walkers.motion.bvh import load_bvh

    return load_bvh(path)


def read_weights(path: Path) -> object:
    import numpy as np

    from posegrid.results.models import load_model

    model = load_model(path)
    size = model.facts.image_size
    channels = model.facts.channels
    shape = (2, size, size) if channels == 1 else (2, channels, size, size)
    return model.estimate(np.zeros(shape, np.uint8))


def read_video(path: Path) -> object:
    from posegrid.video.footage import open_footage

    return sum(1 for _ in open_footage(path).frames())


def read_cut_outs(path: Path) -> object:
    from posegrid.walkers.scenes.cut_out_files import load_cut_outs

    return load_cut_outs(path)


def read_answers(path: Path) -> object:
    """With sums that fit: they would tell of every accident."""
    from posegrid.people.finder import find_people
    from posegrid.results.answers import HEAD, Answers

    line, _, blocks = path.read_bytes().partition(b"\n")
    if len(blocks) >= HEAD.size:
        mark, rows, said, _ = HEAD.unpack_from(blocks)
        at, call = HEAD.size, line.split(b" ")[-1].decode("latin-1")
        head = HEAD.pack(mark, rows, said, zlib.crc32(blocks[at : at + rows + said]))
        path.write_bytes(line + b"\n" + head + blocks[at:])
        with closing(Answers(path, call)) as answers:
            answers.recalled(find_people(lambda _: [], _finder()))
    return len(blocks)


@cache
def _finder() -> object:
    from posegrid.people.looks import load_finder

    return load_finder()


READERS: dict[str, Reader] = {
    "boxes": read_boxes,
    "camera": read_camera,
    "folder_camera": read_folder_camera,
    "folder_poses": read_folder_poses,
    "split": read_split,
    "dataset": read_dataset,
    "shard": read_shard,
    "track": read_track,
    "edits": read_edits,
    "predictions": read_predictions,
    "evaluation": read_evaluation,
    "curve": read_curve,
    "poses": read_poses,
    "masks": read_masks,
    "annotation": read_annotation,
    "calibration": read_calibration,
    "metadata": read_metadata,
    "capture": read_capture,
    "bvh": read_bvh,
    "weights": read_weights,
    "video": read_video,
    "cut_outs": read_cut_outs,
    "answers": read_answers,
}


@contextmanager
def _refusals() -> Iterator[None]:
    """What a sound file may be refused for by what comes later."""
    with suppress(PosegridError):
        yield


class TookTooLong(BaseException):
    """Past every `except Exception`."""


class WroteOutside(BaseException):
    """Past every `except Exception`, too."""


def forbid_writing_outside(folder: Path) -> None:
    """From now on this process writes into the folder only; what Python sees raises WroteOutside."""

    def watch(event: str, arguments: tuple) -> None:
        writes = event == "os.mkdir"
        if event == "open":
            writes = bool((arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if writes and isinstance(arguments[0], str | bytes | os.PathLike):
            path = Path(os.path.abspath(os.fsdecode(arguments[0])))
            if not path.is_relative_to(folder) and path != Path(os.devnull):
                raise WroteOutside(f"{event} {path}")

    sys.addaudithook(watch)


def _late(*_: object) -> None:
    raise TookTooLong


@contextmanager
def bounded() -> Iterator[None]:
    """At most 10 seconds of work, and 1 GB of memory more than there is now, for the block.

    Arrow's pool reserves 1 GB when it is first asked: it is asked before. Else what ran before
    would say whether a sound shard can be read.
    """
    pyarrow.allocate_buffer(2**16)
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    soft, hard = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (pages * resource.getpagesize() + MOST_BYTES, hard))
    before = signal.signal(signal.SIGPROF, _late)
    signal.setitimer(signal.ITIMER_PROF, MOST_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
        resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def outcome(reader: str, file: Path) -> str:
    """ "read", "refused: ...", or "find: ..." with what went wrong."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(shutil.copy(file, folder))
        _companions(reader, path)
        try:
            with bounded(), redirect_stdout(StringIO()):
                READERS[reader](path)
        except PosegridError as error:
            return f"refused: {error}"
        except TookTooLong:
            return f"find: more than {MOST_SECONDS} s"
        except MemoryError:
            return "find: more memory than 1 GB"
        except (Exception, WroteOutside) as error:
            last = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{Path(last.filename).name}:{last.lineno}"
            return f"find: {type(error).__name__} at {where}: {error}"
    return "read"


def _companions(reader: str, path: Path) -> None:
    """What lies beside a file that cannot be read alone."""
    if reader == "dataset":
        for shard in (CORPUS / "shard").glob("*.parquet"):
            shutil.copy(shard, path.parent)
