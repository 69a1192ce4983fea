"""Habits remember whose account it is, the largest statement and what was usual"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("habit_account") as table:
        table.add_column(sa.Column("vendor", sa.String(length=255), nullable=True))
    with op.batch_alter_table("habit_day") as table:
        table.add_column(sa.Column("largest", sa.BigInteger(), server_default="0", nullable=False))
        table.add_column(sa.Column("usual", sa.Float(), nullable=True))
        table.add_column(sa.Column("spread", sa.Float(), nullable=True))
        table.add_column(sa.Column("usual_source", sa.String(length=8), nullable=True))
        table.add_column(sa.Column("reference", sa.Float(), nullable=True))
        table.add_column(sa.Column("above", sa.Integer(), server_default="0", nullable=False))
        table.add_column(sa.Column("excess", sa.BigInteger(), server_default="0", nullable=False))
        table.add_column(sa.Column("largest_before", sa.BigInteger(), server_default="0", nullable=False))
