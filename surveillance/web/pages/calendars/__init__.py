"""Addresses that open something: calendar feeds, and patients' own pages."""
