"""What a person decides about a plan: enrolment, terms, holds, ends, overrides, corrections; and the daily sweep."""
