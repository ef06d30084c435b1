"""Who somebody is, whom to write to and with whose word; and finding a patient."""
