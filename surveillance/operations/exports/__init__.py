"""What leaves the service as a file."""
