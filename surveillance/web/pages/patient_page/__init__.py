"""``/p/...``: a patient's own page, its door, and its calendar."""
