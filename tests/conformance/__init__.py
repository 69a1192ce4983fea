"""One suite over every audit source that reads files: what holds for one holds for all."""
