"""For tests of applications and of backends. The door to it is ``flowledger.testing``."""
