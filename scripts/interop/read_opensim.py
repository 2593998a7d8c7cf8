"""What OpenSim reads: python read_opensim.py FILE OUT.

.trc: its markers in every frame. .mot: its coordinates.
"""

import json
import sys
from pathlib import Path

import opensim

path, out = sys.argv[1], Path(sys.argv[2])


def markers() -> dict[str, list[list[float]]]:
    """Places of each marker, in the file's unit."""
    table = opensim.TimeSeriesTableVec3(path)
    rows = [table.getRowAtIndex(row) for row in range(table.getNumRows())]
    return {
        name: [[row.getElt(0, column)[axis] for axis in range(3)] for row in rows]
        for column, name in enumerate(table.getColumnLabels())
    }


def coordinates() -> dict[str, list[float]]:
    """Values of each coordinate, and the times."""
    table = opensim.TimeSeriesTable(path)
    values = {"time": list(table.getIndependentColumn())}
    for name in table.getColumnLabels():
        column = table.getDependentColumn(name)
        values[name] = [column[row] for row in range(table.getNumRows())]
    return values


out.write_text(json.dumps(markers() if path.endswith(".trc") else coordinates()))
