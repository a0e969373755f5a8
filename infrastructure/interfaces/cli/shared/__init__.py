"""What the commands share: the session, options, selections, progress."""
