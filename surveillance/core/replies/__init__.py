"""What a reply means, whose it is and what follows from it (section 4 rule 10)."""
