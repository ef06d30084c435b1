"""Reports as plots, tables and files."""
