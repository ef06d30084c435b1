"""The reference cases, put to this engine or another one: a question, an answer, and what differs from the case."""
