"""What the page of one run shows, from its events: where time went, its steps, who set which value."""
