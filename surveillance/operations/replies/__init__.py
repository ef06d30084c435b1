"""What happens with a message from a phone: read, answered, decided by a person."""
