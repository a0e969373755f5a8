"""Where the demonstration's application was up to 0.1.0: ``flowledger.demo`` now."""
