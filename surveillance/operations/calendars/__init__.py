"""What opens something by a secret in its address: calendar feeds, and patients' own pages."""
