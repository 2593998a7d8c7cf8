"""`posegrid doctor`: what is there of a data set, what is missing, what is wrong with it, and what to do next.

Made for Human3.6M; one's own recordings (docs/own-data.md) and MPI-INF-3DHP are validated, too.
"""

import json
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

from rich.box import SIMPLE
from rich.console import Console
from rich.progress import track
from rich.table import Table
from tyro.conf import Positional, arg

from posegrid.errors import OutputError, SourceError
from posegrid.files import completed
from posegrid.prepare import validation
from posegrid.prepare.diagnosis import Diagnosis, diagnosed, next_steps
from posegrid.prepare.recordings import HUMAN36M, View, kind_of, refuse_no_data_set
from posegrid.sources import human36m_check, human36m_inventory
from posegrid.sources.human36m import SequenceFiles
from posegrid.sources.human36m_check import ViewCheck
from posegrid.sources.human36m_inventory import Inventory
from posegrid.sources.human36m_layout import KIND_NAMES

SHOWN_OF_A_KIND = 3
"""So many findings of one kind are printed; all are in the JSON."""


@dataclass(frozen=True)
class DoctorSettings:
    """Which part of a data set to look at, and how closely."""

    root: Positional[Annotated[Path, arg(metavar="ROOT")]]
    """Folder with metadata.xml and S1, S5, ...; or of one's own recordings; or of MPI-INF-3DHP."""
    subjects: tuple[str, ...] = ()
    """Subjects to look at, e.g. S1 S9; all that are there if none are named."""
    actions: tuple[str, ...] = ()
    """Actions to look at, e.g. Walking; all that are there if none are named."""
    deep: bool = False
    """Decode every video and read every mask to the end (hours for the whole release), instead of a few of each."""
    json: Path | None = None
    """Write everything that was found to this file, too."""


def doctor(settings: DoctorSettings) -> None:
    """Prints what is there and what is wrong. Raises SourceError, when all was looked at, if anything is at fault."""
    console = Console()
    stock = stock_of(settings)
    watched = track(stock.present, "looking", console=console, disable=not console.is_terminal, transient=True)
    diagnosis = diagnosed(stock, [checked(view, deep=settings.deep) for view in watched])
    if stock.rows:
        console.print(inventory_table(stock))
    if diagnosis.findings:
        console.print(findings_table(diagnosis))
    for line in diagnosis.summary:
        console.print(line, markup=False, soft_wrap=True)
    for number, step in enumerate(next_steps(stock, diagnosis), start=1):
        console.print(f"{'next: ' if number == 1 else '      '}{number}. {step}", markup=False, soft_wrap=True)
    if settings.json is not None:
        write_report(settings.json, stock, diagnosis)
    if diagnosis.num_faults:
        raise SourceError(
            f"{settings.root}: {diagnosis.num_faults} faults, listed above. Where files are damaged or missing, "
            "`posegrid prepare` leaves the sequence out, says so, and does it when it is mended and called again."
        )


def stock_of(settings: DoctorSettings) -> Inventory:
    """What there is, of whichever kind of recordings the folder holds. Raises SourceError if it holds none."""
    refuse_no_data_set(settings.root)
    take = human36m_inventory.taken_stock if kind_of(settings.root) == HUMAN36M else validation.taken_stock
    return take(settings.root, settings.subjects, settings.actions)


def checked(view: View, *, deep: bool) -> ViewCheck:
    """What is wrong with one sequence and camera, of whichever kind."""
    if isinstance(view, SequenceFiles):
        return human36m_check.check_view(view, deep=deep)
    return validation.check_view(view, deep=deep)


def inventory_table(stock: Inventory) -> Table:
    """Files found of files expected, by subject, action and kind; an action that is complete is a number in a sum."""
    title = f"{stock.root}: files found / expected"
    table = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE, padding=(0, 1, 0, 0))
    for name in ("subject", "action", *KIND_NAMES.values()):
        table.add_column(name, justify="left" if name in ("subject", "action") else "right")
    for subject in dict.fromkeys(row.subject for row in stock.rows):
        rows = [row for row in stock.rows if row.subject == subject]
        whole = [row for row in rows if row.complete]
        shown = [(row.action, [row]) for row in rows if not row.complete]
        if whole:
            names = whole[0].action if len(whole) == 1 else f"{len(whole)} actions"
            shown.insert(0, (names, whole))
        for name, part in shown:
            found = {kind: sum(row.found[kind] for row in part) for kind in KIND_NAMES}
            expected = {kind: sum(row.expected[kind] for row in part) for kind in KIND_NAMES}
            table.add_row(subject, name, *(f"{found[k]}/{expected[k]}" if found[k] else "-" for k in KIND_NAMES))
    return table


def findings_table(diagnosis: Diagnosis) -> Table:
    """What was found, faults first, the first few of each kind."""
    table = Table(title="found", title_justify="left", title_style="bold", box=SIMPLE)
    for name in ("", "what", "number", "where"):
        table.add_column(name, overflow="fold")
    ordered = sorted(diagnosis.findings, key=lambda finding: finding.level != "fault")
    counts = Counter((finding.level, finding.what) for finding in ordered)
    for (level, what), count in counts.items():
        these = [finding for finding in ordered if (finding.level, finding.what) == (level, what)]
        texts = [
            finding.text if finding.where in finding.text else f"{finding.where}: {finding.text}"
            for finding in these[:SHOWN_OF_A_KIND]
        ]
        more = [f"and {count - SHOWN_OF_A_KIND} more (--json FILE has all)"] if count > SHOWN_OF_A_KIND else []
        table.add_row(level, what, str(count), "\n".join([*texts, *more]))
    return table


def write_report(path: Path, stock: Inventory, diagnosis: Diagnosis) -> None:
    """Writes everything as JSON. Raises OutputError where it cannot."""
    content = {
        "root": str(stock.root),
        "synthetic": stock.synthetic,
        "files": [asdict(row) for row in stock.rows],
        "absent_subjects": stock.absent_subjects,
        "archives": [str(archive) for archive in stock.archives],
        **asdict(diagnosis),
        "next": next_steps(stock, diagnosis),
    }
    try:
        with completed(path) as temporary:
            temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); choose another --json.") from error
