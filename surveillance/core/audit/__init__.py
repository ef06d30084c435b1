"""The chain over the audit trail, and the trail in plain English."""
