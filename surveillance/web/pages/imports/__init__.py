"""Many patients from a file."""
