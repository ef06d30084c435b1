"""Trips to offer, visits, studies."""
