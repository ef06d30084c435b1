"""Reports on one site or several."""
