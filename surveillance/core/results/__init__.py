"""Results: the life of a report, and what may follow from what it says (design 5)."""
