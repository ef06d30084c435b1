"""Messages as rows: planned anew, listed, told, paused, printed, and what a person does about one."""
