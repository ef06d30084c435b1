"""Patients and whom to write to."""
