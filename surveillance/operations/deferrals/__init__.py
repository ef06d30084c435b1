"""Putting off: granted inside the limits of role and site, looked at again on its day, counted by the proof."""
