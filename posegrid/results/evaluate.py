"""`posegrid evaluate`: score weights on subjects that they never saw.

The predictions go to a file once and every figure is computed from that file. Two mistakes of the
2015 report are guarded against: subjects in both training and test, and crops that repeat while the
truth moves on.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from rich.console import Console
from rich.markdown import Markdown
from tyro.conf import Positional, arg

from posegrid.datasets.dataset_facts import load_dataset_facts
from posegrid.datasets.stored_crops import crops_by_shard, shards_in
from posegrid.errors import CheckpointError, SettingsError, ShardError
from posegrid.files import alone_in, write_text
from posegrid.learning.model_facts import ModelFacts
from posegrid.people.crop import WITH_MASK
from posegrid.results.models import Accelerator, Model, load_model
from posegrid.results.predictions import NAME, Predictions, predicted_in_parts
from posegrid.results.scores import facts_of_figures, longest_repeat, scores
from posegrid.results.tables import comparison_markdown, detail_table, pck_table, score_table

REPEATS_TOO_MANY = 10
"""Following frames with one and the same estimate; the 2015 report's predictions repeat 12
times.
"""
SOURCE = (
    "weights",
    "data",
    "source",
    "split",
    "subjects",
    "trained_subjects",
    "frames",
    "poses",
    "synthetic",
)
SOURCE += ("network", "target", "training_images", "training_cpu_seconds")
"""What evaluation.json says of where its poses come from."""


@dataclass(frozen=True)
class EvaluateSettings:
    """What to score, on what."""

    weights: Positional[Annotated[Path, arg(metavar="WEIGHTS")]]
    """Checkpoint (.safetensors) or exported weights (.onnx)."""
    data: Positional[Annotated[Path, arg(metavar="DATA")]]
    """Folder of prepared crops with its dataset.json."""
    out: Path
    """Folder for predictions.npz, evaluation.json and table.md."""
    split: Literal["test", "validation", "train"] = "test"
    """Whose crops to score, as dataset.json divides the subjects."""
    subjects: tuple[str, ...] = ()
    """Score these subjects of the split only; by default all of them."""
    allow_seen_subjects: bool = False
    """Score subjects that the weights were trained on, too. The figures then say nothing about new
    people.
    """
    table: bool = False
    """Print the run beside the published figures on Human3.6M (MPJPE, mm), and write that to
    OUT/table.md.
    """
    accelerator: Accelerator = "auto"
    """What .safetensors run on. auto: a GPU if torch finds one, else the CPU."""
    own: tuple[str, ...] = ()
    """Code of your own that the weights need, as `train` had it: module:function, module:Class."""
    rescore: bool = False
    """Score the predictions.npz that is in the folder already, without predicting again."""


def evaluate(settings: EvaluateSettings, model: Model | None = None) -> None:
    """Predict, save, score, print; writes predictions.npz and evaluation.json into `settings.out`.

    model: to be scored in place of the file `settings.weights`, which then is no more than its
    name. Raises OutputError, before anything is predicted, where nothing can be written or another
    one is at work.
    """
    with alone_in(settings.out):
        _score(settings, model)


def _score(settings: EvaluateSettings, model: Model | None) -> None:
    """As `evaluate`, in a folder that is its own."""
    console = Console(markup=False)
    path = settings.out / NAME
    if settings.rescore:
        predictions = Predictions.load(path)
    else:
        model = model or load_model(settings.weights, settings.accelerator, settings.own)
        predictions = predict_split(settings, model, console)
        predictions.save(path)
    figures = evaluation(predictions)
    content = {**figures, "settings": asdict(settings)}
    text = json.dumps(content, indent=2, allow_nan=False, default=str)
    write_text(settings.out / "evaluation.json", text + "\n")
    console.print(score_table(figures))
    console.print(detail_table(figures))
    if (of_papers := pck_table(figures)) is not None:
        console.print(of_papers)
    if settings.table:
        table = comparison_markdown(figures)
        write_text(settings.out / "table.md", table)
        console.print(Markdown(table))
    for warning in figures["warnings"]:
        console.print(f"Warning: {warning}", style="bold yellow", highlight=False)
    console.print(f"{settings.out / 'evaluation.json'}", highlight=False, soft_wrap=True)


def predict_split(settings: EvaluateSettings, model: Model, console: Console) -> Predictions:
    """The estimates for the split's crops, checked against the mistakes that make figures
    worthless.

    Raises SettingsError for subjects that the weights were trained on, CheckpointError for crops of
    another size, ShardError for crops that repeat while the true pose moves.
    """
    dataset = load_dataset_facts(settings.data)
    subjects = chosen_subjects(dataset.subjects_of(settings.split), settings)
    warnings = subject_warnings(model.facts, subjects, settings, synthetic=dataset.synthetic)
    if (model.facts.background in WITH_MASK) != dataset.has_masks:
        raise CheckpointError(
            f"{settings.weights} was trained on crops with the background {model.facts.background}, {settings.data} "
            f"has it {dataset.background}: make the data anew with --background {model.facts.background}, or score "
            f"weights that were trained on crops like these."
        )
    if model.facts.background != dataset.background:
        warnings.append(
            f"the weights were trained on crops with the background {model.facts.background}, "
            f"these have it {dataset.background}."
        )
    check_size(model.facts, dataset.image_size, settings.data)
    total = sum(shard.num_rows for shard in shards_in(settings.data, subjects))
    facts = {
        "weights": str(settings.weights),
        "data": str(settings.data),
        "split": settings.split,
        "subjects": subjects,
        "synthetic": dataset.synthetic,
        "source": dataset.source,
        "poses": dataset.settings.get("poses", "mono"),
        "trained_subjects": sorted(
            trained_subjects(model.facts.training, synthetic=dataset.synthetic)
        ),
        "frames": frames_in_words(dataset.settings),
        "network": model.facts.network,
        "target": model.facts.target,
        "training_images": model.facts.training.get("run_total_images"),
        "training_cpu_seconds": model.facts.training.get("run_total_cpu_seconds"),
        "trained_size_mm": model.facts.training.get("mean_size_mm"),
        "warnings": warnings,
    }
    parts = crops_by_shard(settings.data, subjects)
    predictions = predicted_in_parts(model, parts, facts, console, total)
    check_repeats(predictions, settings.data)
    return predictions


def evaluation(predictions: Predictions) -> dict[str, Any]:
    """What evaluation.json holds: where the poses come from, all figures, and warnings in words."""
    facts = predictions.facts
    if len(predictions) == 0:
        raise ShardError(
            "There is nothing to score: the predictions hold no pose. Check the split and the subjects."
        )
    warnings = list(facts.get("warnings", []))
    rows = longest_repeat(predictions)
    if rows.stop - rows.start >= REPEATS_TOO_MANY:
        warnings.append(
            f"the estimate is the same for {rows.stop - rows.start} following frames of "
            f"{predictions.sequence[rows.start]} (from frame {predictions.frame_index[rows.start]}) while the person "
            "moves: the network has learnt one pose only, or its inputs repeat."
        )
    source = {key: facts[key] for key in SOURCE if key in facts}
    figures = scores(predictions)
    if figures["mpi_inf_3dhp"]:
        warnings += [
            f"3DPCK and AUC beside papers: {text}."
            for text in figures["mpi_inf_3dhp"]["differs_from_papers"]
        ]
    return {**source, **facts_of_figures(predictions), **figures, "warnings": warnings}


def chosen_subjects(of_split: list[str], settings: EvaluateSettings) -> list[str]:
    """The split's subjects, or those of them that the settings name."""
    strangers = [subject for subject in settings.subjects if subject not in of_split]
    if strangers:
        raise SettingsError(
            f"--subjects {' '.join(strangers)}: not in the split {settings.split!r} of {settings.data}, "
            f"which has {', '.join(of_split)}."
        )
    return list(settings.subjects) or of_split


def trained_subjects(training: dict[str, Any] | None, *, synthetic: bool) -> set[str]:
    """Rendered, or recorded, subjects that the weights took gradients from, in this stage or one
    before it.

    A rendered S1 and a recorded S1 are two people.
    """
    if not training:
        return set()
    own = training.get("subjects", []) if training.get("synthetic", synthetic) == synthetic else []
    return set(own) | trained_subjects(training.get("before"), synthetic=synthetic)


def subject_warnings(
    facts: ModelFacts, subjects: list[str], settings: EvaluateSettings, *, synthetic: bool
) -> list[str]:
    """Words for the report if seen subjects are allowed; otherwise SettingsError if there are
    any.
    """
    if "subjects" not in facts.training:
        return [
            "the weights do not say whom they were trained on: that the scored subjects are new is not checked."
        ]
    seen = sorted(trained_subjects(facts.training, synthetic=synthetic) & set(subjects))
    if not seen:
        chosen_on = settings.split == "validation"
        return [
            "the best epoch was chosen on the validation subjects: these figures flatter a little."
        ] * chosen_on
    if not settings.allow_seen_subjects:
        raise SettingsError(
            f"{settings.weights} was trained on {', '.join(seen)}, who are in the split {settings.split!r} of "
            f"{settings.data}: the figures would say nothing about new people. Take another split, or pass "
            "--allow-seen-subjects to score them all the same."
        )
    return [
        f"the weights were trained on {', '.join(seen)}: these figures say nothing about new people."
    ]


def check_size(facts: ModelFacts, size: int, data: Path) -> None:
    """Raise CheckpointError unless crops of that size are what the network was made for."""
    if size != facts.image_size:
        raise CheckpointError(
            f"The weights take crops of {facts.image_size} x {facts.image_size} pixels, those of {data} are "
            f"{size} x {size}; prepare the data with --image-size {facts.image_size}."
        )


def check_repeats(predictions: Predictions, data: Path) -> None:
    """Raise ShardError if one picture of the data set stands for ten or more following frames while
    the true pose moves.
    """
    rows = longest_repeat(predictions)
    count = rows.stop - rows.start
    if count < REPEATS_TOO_MANY:
        return
    first, frames = rows.start, predictions.frame_index[rows]
    pictures = set()
    for crops in crops_by_shard(data, [str(predictions.subject[first])]):
        theirs = np.isin(crops.frame_index, frames)
        for name in ("action", "subaction", "camera_id"):
            theirs &= getattr(crops, name) == getattr(predictions, name)[first]
        pictures |= {image.tobytes() for image in crops.images[theirs]}
    if len(pictures) == 1:
        raise ShardError(
            f"{predictions.sequence[first]}: the same picture stands for {count} following frames "
            f"from frame {predictions.frame_index[first]} on, while the true pose moves. Prepare "
            "this sequence again."
        )


def frames_in_words(settings: dict[str, Any]) -> str:
    """Which frames a data set holds, from the settings it was made with."""
    nth = settings.get("every_nth_frame", 1)
    words = "every frame" if nth == 1 else f"one frame in {nth}"
    moved = settings.get("min_motion_mm") or 0
    words += f", moved {moved:g} mm at least" if moved else ""
    shifted = settings.get("s9", "keep")
    return words if shifted == "keep" else f"{words}; S9's shifted sequences: {shifted}"
