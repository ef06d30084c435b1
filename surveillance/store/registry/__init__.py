"""Patients: how they are found and reached, and what their care lacks."""
