"""The reference cases: this service as an engine that answers them."""
