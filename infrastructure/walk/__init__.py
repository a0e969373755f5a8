"""Walking through a run: the model, what it shows as lines of text, and the full-screen program around both."""
