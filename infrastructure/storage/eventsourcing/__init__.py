"""What only the eventsourcing library asks for."""
