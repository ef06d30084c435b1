"""What a site writes in: its own wording of texts, and the languages it approved."""
