"""How a patient and a plan look on the command line."""
