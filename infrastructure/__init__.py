"""Everything that touches the world: stores, codec, expression engine, doors, command line."""
