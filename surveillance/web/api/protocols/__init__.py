"""Protocols as installed."""
