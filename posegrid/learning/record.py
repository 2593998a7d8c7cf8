"""What a training run leaves behind: metrics.csv, TensorBoard curves, best and last weights, and a
resume file.
"""

import csv
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.loggers import TensorBoardLogger
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from posegrid.errors import OutputError
from posegrid.files import completed
from posegrid.learning.checkpoint import save_checkpoint
from posegrid.learning.loop import StageModule
from posegrid.learning.model_facts import ModelFacts

BEST, LAST, RESUME, METRICS = "best.safetensors", "last.safetensors", "last.ckpt", "metrics.csv"
CURVE_EVERY_STEPS = 20


@dataclass(frozen=True)
class Cost:
    """What came before this stage."""

    images: int = 0
    seconds: float = 0.0
    """By the clock."""
    cpu_seconds: float = 0.0


class RunRecord(pl.Callback):
    """Writes the run folder at the end of every round, and shows one progress bar (plain lines off
    a terminal).
    """

    def __init__(self, folder: Path, facts: ModelFacts, before: Cost, title: str) -> None:
        self.folder = folder
        self.facts = facts
        self.before = before
        self.title = title
        self.rows: list[dict[str, float]] = []
        self._console = Console()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("images, {task.fields[rate]:.0f}/s {task.fields[note]}"),
            TimeRemainingColumn(),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._round_losses: list[float] = []
        self._round_start = 0.0
        self._round_seconds = 0.0
        self._round_start_cpu = 0.0
        self._round_cpu_seconds = 0.0

    def state_dict(self) -> dict[str, Any]:
        return {"rows": self.rows}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        # a run that was begun before CPU time was recorded: the clock's stands in for it
        self.rows = [
            {"cpu_seconds": row["seconds"], "total_cpu_seconds": row["total_seconds"], **row}
            for row in state_dict["rows"]
        ]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        plan = _stage(pl_module).plan
        total = plan.num_steps * plan.batch_size
        self._bar = self._progress.add_task(
            self.title, total=total, completed=self._images(), rate=0.0, note=""
        )
        self._progress.start()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._round_losses = []
        self._round_start, self._round_start_cpu = time.perf_counter(), time.process_time()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        self._round_losses.append(float(outputs["loss"].detach()))
        batch_size = _stage(pl_module).plan.batch_size
        seconds = time.perf_counter() - self._round_start
        self._progress.update(
            self._bar, advance=batch_size, rate=(batch_idx + 1) * batch_size / seconds
        )
        if trainer.global_step % CURVE_EVERY_STEPS == 0:
            self._draw(
                trainer, {"train_loss": self._round_losses[-1]}, trainer.global_step * batch_size
            )

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self._round_seconds = time.perf_counter() - self._round_start
        self._round_cpu_seconds = time.process_time() - self._round_start_cpu

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        stage = _stage(pl_module)
        row = self._new_row(stage)
        self.rows.append(row)
        try:
            if self._best_row() is row:
                save_checkpoint(self.folder / BEST, stage.network, self.facts_at(row))
            save_checkpoint(self.folder / LAST, stage.network, self.facts_at(row))
            with completed(self.folder / RESUME) as temporary:
                trainer.save_checkpoint(temporary)
            self.write_metrics()
        except OSError as error:
            raise OutputError(
                f"{self.folder} cannot be written to ({error}); free some space and --resume."
            ) from error
        self._draw(
            trainer,
            {name: row[name] for name in ("validation_loss", self.figure)},
            int(row["images"]),
        )
        self._tell(row, len(self._round_losses) * stage.plan.batch_size / self._round_seconds)

    def teardown(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        self._progress.stop()

    @property
    def figure(self) -> str:
        """Name of the measured figure's column."""
        return "validation_cell_accuracy" if self.facts.target == "grid" else "validation_mpjpe_mm"

    def facts_at(self, row: dict[str, float]) -> ModelFacts:
        """The facts of weights saved after this row."""
        return replace(self.facts, training={**self.facts.training, **row})

    def best_facts(self) -> ModelFacts:
        """The facts of the best weights once the run is over: with what the whole run cost, not
        only up to the best.
        """
        last = self.rows[-1]
        whole = {
            f"run_{name}": last[name]
            for name in ("total_images", "total_seconds", "total_cpu_seconds")
        }
        facts = self.facts_at(self._best_row())
        return replace(facts, training={**facts.training, **whole})

    def write_metrics(self) -> None:
        """Write all rows as CSV."""
        with completed(self.folder / METRICS) as temporary, temporary.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(self.rows[0]))
            writer.writeheader()
            writer.writerows(
                {name: round(value, 6) for name, value in row.items()} for row in self.rows
            )

    def _new_row(self, stage: StageModule) -> dict[str, float]:
        images = self._images() + stage.plan.steps_per_round * stage.plan.batch_size
        before = self.rows[-1] if self.rows else {"seconds": 0.0, "cpu_seconds": 0.0}
        seconds = before["seconds"] + self._round_seconds
        cpu_seconds = before["cpu_seconds"] + self._round_cpu_seconds
        return {
            "images": images,
            "total_images": images + self.before.images,
            "seconds": seconds,
            "total_seconds": seconds + self.before.seconds,
            "cpu_seconds": cpu_seconds,
            "total_cpu_seconds": cpu_seconds + self.before.cpu_seconds,
            "train_loss": sum(self._round_losses) / len(self._round_losses),
            "validation_loss": stage.validation_loss,
            self.figure: stage.validation_figure,
        }

    def _best_row(self) -> dict[str, float]:
        """The first row with the best figure on the validation crops."""
        return (max if self.facts.target == "grid" else min)(
            self.rows, key=lambda row: row[self.figure]
        )

    def _images(self) -> int:
        return int(self.rows[-1]["images"]) if self.rows else 0

    def _draw(self, trainer: pl.Trainer, values: dict[str, float], images: int) -> None:
        for logger in trainer.loggers:
            if isinstance(logger, TensorBoardLogger):
                logger.log_metrics(values, images)

    def _tell(self, row: dict[str, float], rate: float) -> None:
        figure = row[self.figure]
        text = f"{figure:.1%} of cells right" if self.facts.target == "grid" else f"{figure:.1f} mm"
        self._progress.update(self._bar, note=f"| validation {text}")
        if not self._console.is_terminal:
            print(
                f"{self.title}: {row['images']:.0f} images, {row['seconds']:.0f} s, {rate:.0f} images/s, "
                f"loss {row['train_loss']:.3f}, validation {text}",
                flush=True,
            )


def _stage(module: pl.LightningModule) -> StageModule:
    if not isinstance(module, StageModule):
        raise TypeError(f"RunRecord records a StageModule, not a {type(module).__name__}.")
    return module
