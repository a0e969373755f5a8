"""The index, a read model for lists: its rows, how events change them, and queries."""
