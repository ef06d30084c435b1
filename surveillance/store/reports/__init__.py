"""What reports count, grouped by the database."""
