"""Helpers of the tests that stand for the outside world: a real PostgreSQL, real client tools."""
