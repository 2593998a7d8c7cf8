"""What a training run leaves behind in its folder, and whose folder it is.

settings.json, metrics.csv (a row a round), steps.csv (the loss as it goes), best.safetensors (of
the best round on the validation subjects), last.safetensors, and last.ckpt, from which `--resume`
goes on.
"""

import csv
import json
import math
import re
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, replace
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from rich.console import Console
from torch import Tensor, nn

from posegrid import __version__
from posegrid.errors import CheckpointError, OutputError, SettingsError
from posegrid.files import alone_in, refusals_named, write_text, written
from posegrid.learning.checkpoint import Facts, not_finite, save_checkpoint
from posegrid.learning.loop import Plan, Round, Training
from posegrid.progress import progress_bar
from posegrid.untrusted import DAMAGED, number, object_of_json, of_type, text_of, whole_number

SETTINGS, METRICS, STEPS = "settings.json", "metrics.csv", "steps.csv"
BEST, LAST, RESUME = "best.safetensors", "last.safetensors", "last.ckpt"
STEP_EVERY = 20
"""Every so many steps there is a row in steps.csv."""
STEP = re.compile(r"[0-9]{1,15},(-?[0-9]+\.[0-9]{6}|-?inf|nan)\n")
"""Such a row."""
MAY_DIFFER = ("run", "accelerator", "devices", "accumulate", "memory_gb", "threads", "workers")
"""Settings that a resumed run may have otherwise than when it started."""
MAKE_ROOM = "free some space and --resume"


# --- the folder


def alone_in_run(folder: Path, writes: bool) -> AbstractContextManager[None]:
    """The folder for this process alone, where it is the one of several that writes.

    Raises OutputError as `posegrid.files.alone_in`.
    """
    return alone_in(folder, "choose another --run") if writes else nullcontext()


def check_folder(folder: Path, settings: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Raises SettingsError if `claim_folder` would. Writes nothing: so that what fails later leaves
    no run behind.
    """
    if resume and overwrite:
        raise SettingsError("--resume and --overwrite contradict each other; choose one.")
    if (folder / SETTINGS).is_file() and not overwrite:
        _check_same(folder / SETTINGS, settings, resume=resume)


def claim_folder(folder: Path, settings: dict[str, Any], *, resume: bool, overwrite: bool) -> None:
    """Make the run folder and write settings.json into it.

    Raises SettingsError if a run is there and neither resume nor overwrite is set, or if it is to
    be resumed with other settings; OutputError if the folder cannot be written.
    """
    check_folder(folder, settings, resume=resume, overwrite=overwrite)
    path = folder / SETTINGS
    if overwrite:
        _remove_run(folder)
    if not path.is_file():
        text = json.dumps({"posegrid_version": __version__, "settings": settings}, indent=2)
        write_text(path, text + "\n", "choose another --run")


def _check_same(path: Path, settings: dict[str, Any], *, resume: bool) -> None:
    if not resume:
        raise SettingsError(
            f"{path.parent} holds a run already; give --resume, --overwrite, or another --run."
        )
    try:
        before = of_type(object_of_json(text_of(path))["settings"], dict, "settings")
    except DAMAGED as error:
        raise SettingsError(
            f"{path} is damaged ({error!r}); give --overwrite or another --run."
        ) from None
    changes = ", ".join(
        f"{name} was {before.get(name)!r} and is now {value!r}"
        for name, value in settings.items()
        if name not in MAY_DIFFER and value != before.get(name)
    )
    if changes:
        raise SettingsError(f"{path.parent} cannot be resumed with other settings: {changes}.")


def _remove_run(folder: Path) -> None:
    try:
        for name in (SETTINGS, METRICS, STEPS, BEST, LAST, RESUME):
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{folder} cannot be written ({error}); choose another --run.") from error


# --- the record


@dataclass(frozen=True)
class Cost:
    """What came before this stage."""

    images: int = 0
    seconds: float = 0.0
    """By the clock."""
    cpu_seconds: float = 0.0

    @classmethod
    def of(cls, training: dict[str, Any]) -> "Cost":
        """What the whole stage cost that made these weights, not only the part of it up to its best
        round; training: of their facts.
        """
        seconds = float(training.get("run_total_seconds", 0.0))
        cpu_seconds = float(training.get("run_total_cpu_seconds", seconds))
        return cls(int(training.get("run_total_images", 0)), seconds, cpu_seconds)


class Record:
    """Writes the run folder at the end of every round, and shows one progress bar (plain lines off
    a terminal). Processes other than the first keep the rows and do neither.
    """

    def __init__(
        self, folder: Path, facts: Facts, before: Cost, training: Training, title: str
    ) -> None:
        self.folder, self.facts, self.before = folder, facts, before
        self.training, self.title = training, title
        self.rows: list[dict[str, float]] = []
        self.writes = training.devices.is_first
        self._step, self._round_start = 0, time.perf_counter()
        self._console = Console(markup=False)
        self._progress = progress_bar(
            self._console,
            "images, {task.fields[rate]:.0f}/s {task.fields[note]}",
            disable=not self.writes,
        )

    def run(self) -> None:
        """All rounds that are still to come, each recorded when it ends."""
        plan = self.training.plan
        self._step = len(self.rows) * plan.steps_per_round
        total, seen = plan.images(plan.num_steps), plan.images(self._step)
        self._bar = self._progress.add_task(
            self.title, total=total, completed=seen, rate=0.0, note=""
        )
        if self.writes:
            self._drop_steps_after(seen)
        with self._progress:
            self._round_start = time.perf_counter()
            for found in self.training.rounds(len(self.rows), self._after_step):
                self._add(found)
                self._round_start = time.perf_counter()

    def resume(self) -> None:
        """Take over plan, rows, weights and optimiser from the folder, if a round was finished
        there.

        Raises CheckpointError if its last.ckpt is damaged or of an earlier posegrid.
        """
        path = self.folder / RESUME
        if not path.is_file():
            return
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            self.training.load_state(state)
            self.rows = _checked_rows(state["rows"])
            self._best_row()
            begun = _checked_plan(state["plan"])
        except (*DAMAGED, UnpicklingError) as error:
            raise CheckpointError(
                f"{path} cannot be resumed from ({type(error).__name__}): it is damaged or of an "
                f"earlier posegrid. Go on in another --run: --init {self.folder / LAST} "
                "(for poses with --transfer all)."
            ) from error
        if self.writes:  # a kill may have come between the two files
            self._write_metrics()
        if begun != self.training.plan and self.writes:
            print(
                f"{self.folder}: its data is not what it was; the run goes on as it began, "
                f"{begun.rounds} rounds of {begun.steps_per_round} steps.",
                flush=True,
            )
        self.training.plan = begun

    def best_facts(self) -> Facts:
        """The facts of the best weights once the run is over: with what the whole run cost, not
        only up to the best.
        """
        names = ("total_images", "total_seconds", "total_cpu_seconds")
        whole = {f"run_{name}": self.rows[-1][name] for name in names}
        facts = self._facts_at(self._best_row())
        return replace(facts, training={**facts.training, **whole})

    @property
    def _figure(self) -> str:
        """Name of the measured figure's column."""
        return f"validation_{self.training.stage.figure}"

    def _after_step(self, loss: Tensor) -> None:
        self._step += 1
        if not self.writes:
            return
        plan = self.training.plan
        seen = plan.images((self._step - 1) % plan.steps_per_round + 1)
        rate = seen / (time.perf_counter() - self._round_start)
        self._progress.update(self._bar, completed=plan.images(self._step), rate=rate)
        if self._step % STEP_EVERY == 0:
            # of several devices, this one's share stands for the whole
            value = float(loss) * self.training.devices.count
            path = self.folder / STEPS
            with refusals_named(path, MAKE_ROOM), path.open("a") as file:
                file.write(f"{plan.images(self._step)},{value:.6f}\n")

    def _add(self, found: Round) -> None:
        row = self._new_row(found)
        network = self.training.kept.network
        self._check_finite(row, network)
        self.rows.append(row)
        if not self.writes:
            return
        if self._best_row() is row:
            save_checkpoint(self.folder / BEST, network, self._facts_at(row))
        save_checkpoint(self.folder / LAST, network, self._facts_at(row))
        content = BytesIO()  # where a disk is full, torch itself does not say so
        plan = asdict(self.training.plan)
        torch.save({**self.training.state(), "rows": self.rows, "plan": plan}, content)
        with written(self.folder / RESUME, MAKE_ROOM) as temporary:
            temporary.write_bytes(content.getbuffer())
        self._write_metrics()
        self._tell(row, found)

    def _check_finite(self, row: dict[str, float], network: nn.Module) -> None:
        """Raises SettingsError where training came to numbers that are none: nothing is learnt from
        there on.
        """
        wrong = [name for name, value in row.items() if not math.isfinite(value)]
        if wrong or not_finite(network):
            raise SettingsError(
                f"{self.folder}: {wrong[0] if wrong else 'a weight'} is no number any more after "
                f"{row['images']:.0f} images; lower --learning-rate, in another --run. What was "
                "saved before is as it was."
            )

    def _write_metrics(self) -> None:
        with written(self.folder / METRICS, MAKE_ROOM) as temporary:
            write_rows(temporary, self.rows)

    def _new_row(self, found: Round) -> dict[str, float]:
        plan = self.training.plan
        before = self.rows[-1] if self.rows else {"seconds": 0.0, "cpu_seconds": 0.0}
        images = plan.images((len(self.rows) + 1) * plan.steps_per_round)
        seconds = before["seconds"] + found.seconds
        cpu_seconds = before["cpu_seconds"] + found.cpu_seconds
        return {
            "images": images,
            "total_images": images + self.before.images,
            "seconds": seconds,
            "total_seconds": seconds + self.before.seconds,
            "cpu_seconds": cpu_seconds,
            "total_cpu_seconds": cpu_seconds + self.before.cpu_seconds,
            "train_loss": found.train_loss,
            "validation_loss": found.validation_loss,
            self._figure: found.validation_figure,
        }

    def _facts_at(self, row: dict[str, float]) -> Facts:
        """The facts of weights saved after this row."""
        return replace(self.facts, training={**self.facts.training, **row})

    def _best_row(self) -> dict[str, float]:
        """The first row with the best figure on the validation crops."""
        best = max if self.training.stage.higher_is_better else min
        return best(self.rows, key=lambda row: row[self._figure])

    def _drop_steps_after(self, images: int) -> None:
        """Begin steps.csv, or take from it what a stopped run had begun after its last round."""
        path, header = self.folder / STEPS, "images,train_loss\n"
        try:
            text = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else header
        except OSError as error:
            raise CheckpointError(f"{path} cannot be read ({error}); remove it.") from error
        lines = text.splitlines(keepends=True)[1:]
        sound = [line for line in lines if STEP.fullmatch(line)]
        if len(sound) < len(lines):
            print(f"{path}: {len(lines) - len(sound)} damaged lines are left out.", flush=True)
        kept = [line for line in sound if int(line.split(",")[0]) <= images]
        write_text(path, header + "".join(kept), MAKE_ROOM)

    def _tell(self, row: dict[str, float], found: Round) -> None:
        text, plan = self.training.stage.in_words(row[self._figure]), self.training.plan
        self._progress.update(self._bar, note=f"| validation {text}")
        if not self._console.is_terminal:
            rate = plan.images(plan.steps_per_round) / found.seconds
            print(
                f"{self.title}: {row['images']:.0f} images, {row['seconds']:.0f} s, "
                f"{rate:.0f} images/s, loss {row['train_loss']:.3f}, validation {text}",
                flush=True,
            )


def _checked_rows(rows: object) -> list[dict[str, float]]:
    """The rows of an earlier call, numbers by column. Raises ValueError for anything else."""
    found = [of_type(row, dict, "a row") for row in of_type(rows, list, "rows")]
    for row in found:
        for name, figure in row.items():
            number(figure, of_type(name, str, "a name"))
    return found


def _checked_plan(plan: object) -> Plan:
    """The plan of an earlier call. Raises ValueError for anything else."""
    found = of_type(plan, dict, "plan")
    rounds, steps = (
        whole_number(found[name], name, 1, 10**12) for name in ("rounds", "steps_per_round")
    )
    return Plan(rounds, steps, number(found["batch_size"], "batch_size", 1))


def write_rows(path: Path, rows: list[dict[str, float]]) -> None:
    """Write the rows as CSV, numbers to six decimals."""
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows({name: round(value, 6) for name, value in row.items()} for row in rows)
