"""Plans and the rows projected from them."""
