"""The lists of the board as queries over the facts (design section 6)."""
