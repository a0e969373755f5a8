"""Verifying a whole store in one pass: its events, and whatever else tells what they tell."""
