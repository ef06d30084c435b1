"""Where slots lie, which study fulfils which, what is due when, and which days to propose (schedule rules 1 to 15)."""
