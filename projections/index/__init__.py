"""What lists are made of: the rows that events make in the index, and questions to it."""
