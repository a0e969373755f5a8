"""Who takes part: each module opens its contestants at a store's URL, each function is one kind of work.

What is timed is the work alone, never the opening, and never the making of what is read.
"""
