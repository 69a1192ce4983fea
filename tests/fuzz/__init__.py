"""Malformed input for every parser of log files: ``make fuzz``, or a short run with the tests."""
