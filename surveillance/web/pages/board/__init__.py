"""The board: its lists, and acting on a row."""
