"""`posegrid synth`: rendered walkers with exact truth, as crops or in Human3.6M's own layout."""

from dataclasses import replace
from functools import partial

from rich.console import Console

from posegrid.datasets.dataset_facts import DatasetFacts, write_dataset_facts
from posegrid.datasets.fixed_sets import SetName, changes_of, checked
from posegrid.datasets.parallel import done, follow, report_done_before
from posegrid.datasets.shards import filled, load_shard_facts, shards_of
from posegrid.datasets.synth_crops import write_crops
from posegrid.datasets.synth_plan import captures_of, crop_jobs, recorded, subjects_by_split
from posegrid.datasets.synth_release import write_release
from posegrid.datasets.synth_settings import SynthSettings
from posegrid.errors import SettingsError
from posegrid.people.crop import WITH_MASK


def synth(settings: SynthSettings) -> None:
    """Renders what is not there yet of what the settings ask for.

    Raises SettingsError if the folder was begun with other settings, OutputError if the disk
    refuses.
    """
    if settings.set is not None:
        write_set(settings, settings.set)
    elif settings.layout == "human36m":
        write_release(settings)
    else:
        write_dataset(settings)


def write_dataset(settings: SynthSettings) -> DatasetFacts:
    """What the finished data set says about itself."""
    facts = DatasetFacts(
        image_size=settings.image_size,
        image_format=settings.image_format,
        background=settings.background,
        settings=recorded(settings),
        synthetic=True,
        soft_masks=settings.background in WITH_MASK and settings.masks == "found",
    )
    with filled(settings.out, facts):
        return _render_missing(settings, facts)


def _render_missing(settings: SynthSettings, facts: DatasetFacts) -> DatasetFacts:
    """The shards that are not there yet, then dataset.json."""
    console = Console(markup=False)
    jobs = crop_jobs(settings, captures_of(settings))
    to_do = [job for job in jobs if not job.path.exists()]
    report_done_before(len(jobs) - len(to_do), len(jobs), "shards", console)
    total = sum(job.crops.num_crops for job in to_do)
    pieces = [partial(write_crops, job, settings, facts) for job in to_do]
    rendered = done(pieces, settings.workers, settings.cluster, console)
    follow(rendered, total, "crops", console)
    num_crops = sum(load_shard_facts(path).num_crops for path in shards_of(settings.out))
    facts = replace(facts, splits=subjects_by_split(settings), num_crops=num_crops)
    write_dataset_facts(settings.out, facts)
    console.print(
        f"{settings.out}: {num_crops} crops of {sum(map(len, facts.splits.values()))} people",
        markup=False,
        soft_wrap=True,
    )
    return facts


def write_set(settings: SynthSettings, name: SetName) -> None:
    """Writes one of the fixed sets and says whether it came out as recorded. SettingsError if other
    flags are given."""
    plain = SynthSettings(
        settings.out, set=name, workers=settings.workers, cluster=settings.cluster
    )
    if settings != plain:
        raise SettingsError(
            f"--set {name} fixes all settings; give no other flags than --workers and --cluster."
        )
    write_dataset(replace(plain, set=None, **changes_of(name)))
    Console(markup=False).print(checked(name, settings.out), markup=False, soft_wrap=True)
