"""In which words: templates and their rules, letters, the patient's page, length and price (section 4 rule 11)."""
