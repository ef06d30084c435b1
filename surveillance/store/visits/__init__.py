"""Visits, their examinations and the studies that prove them."""
