"""What all interfaces share: how values are printed, and how input is read."""
