"""What only the eventsourcing library asks of recorders."""
