"""Booking, moving and cancelling visits, and what became of them."""
