"""Taking in a file of patients: read → check every cell → compare with the registry → apply, all or nothing."""

from surveillance.operations.imports.apply import apply
from surveillance.operations.imports.compare import Comparison, compare
from surveillance.operations.imports.reading import Sheet, read_csv
from surveillance.operations.imports.rows import CellError, ImportedPatient, parse

__all__ = ["CellError", "Comparison", "ImportedPatient", "Sheet", "apply", "compare", "parse", "read_csv"]
