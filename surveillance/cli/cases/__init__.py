"""Commands about the reference cases."""
