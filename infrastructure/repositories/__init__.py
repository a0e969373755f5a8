"""From a stream of events to an aggregate, and back."""
