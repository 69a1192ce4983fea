"""What is remembered about each audit source's log, and what was found wrong with it"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "continuity",
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("files", sa.LargeBinary(), nullable=True),
        sa.Column("updated_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("source_id", name=op.f("pk_continuity")),
    )
    op.create_table(
        "observation",
        sa.Column("event_id", sa.String(length=512), nullable=False),
        sa.Column("database", sa.String(length=255), nullable=False),
        sa.Column("source_id", sa.String(length=255), nullable=False),
        sa.Column("sign", sa.String(length=64), nullable=False),
        sa.Column("at", sa.String(length=32), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("created_at", sa.String(length=32), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_observation")),
    )
    op.create_index("ix_observation_source_id", "observation", ["source_id"])


def downgrade() -> None:
    op.drop_index("ix_observation_source_id", table_name="observation")
    op.drop_table("observation")
    op.drop_table("continuity")
