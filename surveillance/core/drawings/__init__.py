"""Timelines and plots as SVG."""
