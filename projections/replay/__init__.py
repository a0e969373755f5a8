"""What comes of executing a recorded run again."""
