"""Makes a large data set out of a small one: its shards again and again, under other subjects'
names.

    python scripts/repeat_dataset.py data/demo data/large --crops 1600000

To measure what training and evaluating on so many crops needs (docs/scaling.md). It is of no use to
learn from, and says so in its notes.
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import tyro
from rich.progress import track
from tyro.conf import Positional

from posegrid.datasets.dataset_facts import load_dataset_facts, write_dataset_facts
from posegrid.datasets.shards import shard_name
from posegrid.datasets.stored_crops import shards_in
from posegrid.files import written

ROWS = 2000
"""Crops in a shard, about as many as Human3.6M has of one recording."""


@dataclass(frozen=True)
class Settings:
    """What to repeat."""

    data: Positional[Path]
    """Folder of prepared crops."""
    out: Positional[Path]
    """Folder to write."""
    crops: int = 1_600_000
    """Of training people; half a percent more validate."""


def main(settings: Settings) -> None:
    """Write the shards, then dataset.json."""
    facts = load_dataset_facts(settings.data)
    tables = {split: repeated(settings.data, facts.subjects_of(split)) for split in facts.splits}
    count = -(-settings.crops // ROWS)
    numbers = {"train": count, "validation": max(1, count // 200), "test": 1}
    letters = {"train": "W", "validation": "V", "test": "T"}
    splits = {
        split: [f"{letters[split]}{number:05d}" for number in range(1, many + 1)]
        for split, many in numbers.items()
    }
    note = ["all", f"{settings.data.name} repeated; of no use to learn from"]
    facts = replace(facts, splits=splits, notes=[note], skipped=[])
    own = {"posegrid": json.dumps(facts.of_one_shard()), "posegrid_notes": json.dumps([note])}
    jobs = [(split, subject) for split, subjects in splits.items() for subject in subjects]
    for split, subject in track(jobs, "Writing"):
        table = tables[split]
        column = table.schema.get_field_index("subject")
        names = pa.array([subject] * len(table), pa.string())
        table = table.set_column(column, "subject", names).replace_schema_metadata(own)
        with written(settings.out / shard_name(subject, "Walking", 1, "C1")) as temporary:
            pq.write_table(table, temporary, compression="zstd", row_group_size=512)
    write_dataset_facts(settings.out, replace(facts, num_crops=ROWS * len(jobs)))


def repeated(data: Path, subjects: list[str]) -> pa.Table:
    """ROWS rows of these people's crops."""
    table = pa.concat_tables([shard.table() for shard in shards_in(data, subjects)])
    rows = pa.array([row % len(table) for row in range(ROWS)])
    return table.take(rows).combine_chunks()


if __name__ == "__main__":
    main(tyro.cli(Settings, description=__doc__))
