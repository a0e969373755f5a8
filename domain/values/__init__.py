"""Values that everything is made of: JSON, times, ids, names."""
