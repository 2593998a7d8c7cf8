"""The command line: one word per command (and what it is about), each command's settings its flags.

A command is a module with a frozen dataclass of settings and a function that takes it. Only the
module of the command that is called gets imported, so that `posegrid predict` never waits for
torch.
"""

import os
import sys
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise

from posegrid import __version__
from posegrid.errors import EXTRA_OF_MODULE, PosegridError, in_flags
from posegrid.files import LONGEST_NAME, is_utf8


@dataclass(frozen=True)
class Command:
    """Where a command lives, and what `posegrid --help` says of it."""

    module: str
    settings: str
    function: str
    summary: str
    example: str
    settings_module: str = ""
    """Where the settings live, if not in the module: --help then imports no more than that."""
    extra: str = ""
    """The extra that brings all the command may need, if that is more than `prepare`."""

    def settings_type(self) -> type:
        """The dataclass of the settings."""
        return getattr(import_module(self.settings_module or self.module), self.settings)

    def in_flags(self, text: str) -> str:
        """A message in which the settings are called as on the command line: `fov_deg` becomes
        --fov-deg.
        """
        return in_flags(text, self.settings_type())


FINDER = "--target finder"
"""Of `train` and `evaluate`: the network that finds people, whose data and settings are others."""
COMMANDS = {
    "synth": Command(
        "posegrid.datasets.synth",
        "SynthSettings",
        "synth",
        "render walkers with exact truth, as crops or in Human3.6M's own layout",
        "posegrid synth data/walkers --people 250",
        extra="synth",
    ),
    "scenes": Command(
        "posegrid.datasets.scene_people",
        "ScenesSettings",
        "scenes",
        "render people to compose whole frames of, for the finder",
        "posegrid scenes data/people --backgrounds places",
    ),
    "doctor": Command(
        "posegrid.datasets.doctor",
        "DoctorSettings",
        "doctor",
        "say what a Human3.6M tree has, lacks, and what is wrong with it",
        "posegrid doctor ~/human36m",
    ),
    "prepare": Command(
        "posegrid.datasets.prepare",
        "PrepareSettings",
        "prepare",
        "turn a Human3.6M tree into shards of crops",
        "posegrid prepare ~/human36m data/walking",
    ),
    "pretrain": Command(
        "posegrid.learning.train",
        "PretrainSettings",
        "pretrain",
        "train a network on the grid task: which cells does each joint overlap?",
        "posegrid pretrain data/walkers --run runs/mine/pretrain",
        settings_module="posegrid.learning.training_settings",
        extra="train",
    ),
    "train": Command(
        "posegrid.learning.train",
        "TrainSettings",
        "train",
        "train a network on poses, from scratch or from pre-trained weights",
        "posegrid train data/walkers --run runs/mine/train --init runs/mine/pretrain/best.safetensors",
        settings_module="posegrid.learning.training_settings",
        extra="train",
    ),
    "train --target finder": Command(
        "posegrid.learning.finder_training",
        "FinderSettings",
        "train_finder",
        "train the network that finds people in frames",
        "posegrid train --target finder data/people --backgrounds places --run runs/finder",
        settings_module="posegrid.learning.training_settings",
        extra="train",
    ),
    "evaluate": Command(
        "posegrid.results.evaluate",
        "EvaluateSettings",
        "evaluate",
        "score weights on subjects they never saw",
        "posegrid evaluate runs/mine/train/best.safetensors data/walkers --out runs/mine/evaluation",
    ),
    "evaluate --target finder": Command(
        "posegrid.learning.finder_evaluation",
        "EvaluateFinderSettings",
        "evaluate_finder",
        "score a finder's weights on people and places they never saw",
        "posegrid evaluate --target finder posegrid-find.onnx --people data/people "
        "--backgrounds places",
    ),
    "report": Command(
        "posegrid.results.report",
        "ReportSettings",
        "report",
        "learning curves, sample pictures and videos of a run, on one page",
        "posegrid report runs/mine --data data/walkers",
        extra="train",
    ),
    "predict": Command(
        "posegrid.results.study",
        "PredictSettings",
        "study",
        "3D motion of the people in a video, or in several",
        "posegrid predict walk.mp4 --out runs/walk",
        settings_module="posegrid.results.predict_settings",
    ),
    "convert": Command(
        "posegrid.results.convert",
        "ConvertSettings",
        "convert",
        "write a motion for other programs: BVH, C3D, GLB, TRC, CSV, JSON, a 3D page",
        "posegrid convert runs/walk/walk.npz --formats bvh c3d html",
    ),
    "gait": Command(
        "posegrid.results.gait_page",
        "GaitSettings",
        "gait",
        "steps, lengths, phases, knees and hips of a walk, as JSON and a page",
        "posegrid gait runs/walk/walk.npz",
    ),
    "app": Command(
        "posegrid.app.server",
        "AppSettings",
        "serve",
        "all this in a browser: drop a video, see it in 3D, download the results",
        "posegrid app",
        settings_module="posegrid.app.settings",
        extra="app",
    ),
    "export": Command(
        "posegrid.learning.export",
        "ExportSettings",
        "export",
        "write a checkpoint as ONNX, checked against torch",
        "posegrid export runs/mine/train/best.safetensors --out mine.onnx",
        extra="train",
    ),
}


def main() -> None:
    """Run the command that the arguments name; exit with 0 if all went well, 1 on an error, 2 on a
    wrong call.
    """
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Exit code of one call, `arguments` being what follows the word `posegrid`."""
    name, rest = named(arguments)
    if name in ("--help", "-h"):
        print(overview())
        return 0
    if name == "--version":
        print(f"posegrid {__version__}")
        return 0
    if name not in COMMANDS:
        print(
            f"posegrid: there is no command {name!r}; there are {', '.join(COMMANDS)}",
            file=sys.stderr,
        )
        return 2
    if (complaint := unnameable(arguments)) is not None:
        print(f"posegrid {name}: {complaint}", file=sys.stderr)
        return 2
    try:
        call(name, COMMANDS[name], rest)
        sys.stdout.flush()
    except ModuleNotFoundError as error:
        return missing_library(name, error)
    except BrokenPipeError:
        # who reads the output has seen enough (posegrid ... | head); nothing more can be told, at
        # the exit neither
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (PosegridError, MemoryError, OSError) as error:
        print(f"posegrid {name}: {sentence(name, error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nposegrid {name}: stopped", file=sys.stderr)
        return 130
    return 0


def sentence(name: str, error: PosegridError | MemoryError | OSError) -> str:
    """What went wrong, for the one who called; an OSError that names no file is a fault of ours and
    goes on.
    """
    if isinstance(error, PosegridError):
        return COMMANDS[name].in_flags(str(error))
    if isinstance(error, MemoryError):
        return f"not enough memory ({error or 'none is left'})"
    if error.filename is None:
        raise error
    # such as a folder above the path that may not be entered
    return f"{error.filename}: {error.strerror}; check the path, and that you may use it."


def unnameable(arguments: list[str]) -> str | None:
    """What among the arguments no file can be called, in a sentence; None if all is well."""
    for word in arguments:
        if not is_utf8(word):
            return f"{word!a}: is no UTF-8; rename the file."
        name = max(word.split("/"), key=lambda part: len(part.encode()))
        if (size := len(name.encode())) > LONGEST_NAME:
            return f"{name[:40]}...: {size} bytes long, expected at most {LONGEST_NAME}; rename it."
    return None


def named(arguments: list[str]) -> tuple[str, list[str]]:
    """The command's name and its own arguments; `--target finder` is part of the name."""
    name, *rest = arguments or ["--help"]
    at = next((n for n, pair in enumerate(pairwise(rest)) if " ".join(pair) == FINDER), None)
    if at is None or f"{name} {FINDER}" not in COMMANDS:
        return name, rest
    return f"{name} {FINDER}", rest[:at] + rest[at + 2 :]


def call(name: str, command: Command, arguments: list[str]) -> None:
    """Read the command's settings from its flags and run it."""
    import tyro

    settings = tyro.cli(
        command.settings_type(),
        prog=f"posegrid {name}",
        description=f"{command.summary[0].upper()}{command.summary[1:]}.\n\nExample: {command.example}",
        args=arguments,
    )
    getattr(import_module(command.module), command.function)(settings)


def missing_library(name: str, error: ModuleNotFoundError) -> int:
    """Say which extra brings the library that is not installed; anything else is a fault of ours
    and goes on.
    """
    extra = EXTRA_OF_MODULE.get((error.name or "").split(".")[0])
    if extra is None:
        raise error
    if extra == "prepare":
        extra = COMMANDS[name].extra or extra
    print(f'posegrid {name}: needs {error.name}: pip install "posegrid[{extra}]"', file=sys.stderr)
    return 1


def overview() -> str:
    """What `posegrid --help` prints."""
    rows = "\n".join(
        f"  {name:9} {entry.summary}\n            {entry.example}"
        for name, entry in COMMANDS.items()
    )
    return (
        f"posegrid {__version__}: 3D motion, in millimetres, from ordinary video of a walking person.\n\n"
        f"usage: posegrid COMMAND ...       (posegrid COMMAND --help explains its flags)\n\n{rows}"
    )
