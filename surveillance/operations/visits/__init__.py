"""One trip for several examinations: offered, booked, moved, called off, and what became of it."""
