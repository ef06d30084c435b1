"""Planned messages and the calls made to send them."""
