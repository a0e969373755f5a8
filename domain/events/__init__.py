"""What all events have in common: the catalogue of their types, the envelope, how integrity is reported."""
