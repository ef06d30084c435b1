"""What is kept: engines, tables, and one module of queries for each thing. Nothing in here commits."""
