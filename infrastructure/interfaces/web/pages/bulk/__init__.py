"""Pages of bulk actions: what one would do, how one stands, all that there are."""
