"""What all faces share: how things are shown, and how input is read."""
