"""Enrolling, and what a person decides about a plan, each shown as a difference first."""
