"""Sealing what is personal in events: the master keys of the caller, the keys of subjects, and the sealing itself."""
