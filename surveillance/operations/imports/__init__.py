"""Taking in a file of patients: read, check every cell, compare with the registry, apply, all or nothing."""
