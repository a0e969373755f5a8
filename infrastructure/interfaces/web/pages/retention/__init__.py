"""Pages of what is taken away from a store, and of what must stay: retention, legal holds, erasure."""
