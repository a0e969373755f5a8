"""The walk through a run on the full screen."""
