"""What a change does to a patient's plans, told before it is applied."""
