"""Alembic migrations of the state database, oldest first in ``versions/``."""

HEAD = "0006"
"""Revision of the newest migration; a test holds it against the files."""
