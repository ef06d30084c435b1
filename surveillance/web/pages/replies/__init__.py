"""What goes between the clinic and a patient."""
