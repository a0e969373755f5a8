"""Pages as HTML: the environment of the templates, and what all of them show alike."""
