"""The lists that want to be empty: rows in plain words, counts, and what a person does about a row."""
