"""The proof of the promise (design section 1), on demand and every night."""
