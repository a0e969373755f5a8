"""A store on somebody else's log of rows, or behind the port of event stores."""
