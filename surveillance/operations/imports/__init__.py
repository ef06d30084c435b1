"""Taking in a file of patients: read → check every cell → compare with the registry → apply, all or nothing."""

from surveillance.operations.imports.apply import apply
from surveillance.operations.imports.compare import Comparison, compare
from surveillance.operations.imports.reading import read, read_grid
from surveillance.operations.imports.rows import CellError, ImportedPatient, parse
from surveillance.operations.imports.sheets import Grid, Sheet

__all__ = [
    "CellError",
    "Comparison",
    "Grid",
    "ImportedPatient",
    "Sheet",
    "apply",
    "compare",
    "parse",
    "read",
    "read_grid",
]
