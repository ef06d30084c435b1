"""Messages and letters: what goes out, and what became of it."""
