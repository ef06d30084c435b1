"""Plans, and what people decide about them."""
