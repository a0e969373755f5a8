"""Reading the index and the search: SQL that reads."""
