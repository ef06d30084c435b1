"""What goes in and out of the API: a Create, an Update and a Public model for each thing, where it has them."""
