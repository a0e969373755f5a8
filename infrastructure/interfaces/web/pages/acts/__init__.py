"""Pages on which something is done: each says beforehand what will happen, and does it when its form is sent."""
