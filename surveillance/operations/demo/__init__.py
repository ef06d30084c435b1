"""The fictional clinic, lived through by the operations that staff use."""
