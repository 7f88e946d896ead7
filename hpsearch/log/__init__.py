"""A study's only store of truth: the words of the log, its lines, its one writer, and its fold."""
