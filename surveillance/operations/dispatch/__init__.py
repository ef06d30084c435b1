"""Sending what is due so that every message goes out once, or is voided with a reason, or is work on the board."""
