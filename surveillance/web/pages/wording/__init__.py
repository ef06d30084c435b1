"""Texts, a site's own wording, and languages."""
