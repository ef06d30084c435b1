"""Looking at the audit trail, and sealing it into a chain."""
