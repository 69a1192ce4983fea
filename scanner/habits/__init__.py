"""Habits: how accounts and vendors usually use the customer data, as columns of their events.

* ``baseline_z``, ``habit_times``: people of the account's day so far against its usual day (see :mod:`scanner.habits.usual`), in
  robust standard deviations, ``(today − usual) / spread``, and as a multiple. ``habit_source`` says whose habit it is: its own,
  that of its vendor's other accounts (``peers``) while its own is being learnt, or ``none``: then only the contract speaks.
* ``statement_times``: people of the statement against the largest of the account's earlier days.
* ``days_above_habit``, ``excess_persons``: how long a rise has lasted (days of the last fortnight, today included), and how many
  people it brought beyond the habit; 0 unless today is such a day. ``vendor_…``: the same of all accounts of the vendor together.
* ``in_season``: near a month end, or in the weeks around a long holiday of the company's calendar.
* ``first_seen_…``: the account does this for the first time. ``novelty``: what the event does that the account began to do less
  than a week ago, after a week or more of other work: shape, ip, app, table, hour (an hour of working days or weekends).
* ``dormant_days``: silence before this event.

Agreed exports do not count: they are judged by their agreement. The columns depend on the events alone, not on how scans cut
the log: state is carried in the state database, events within a slice are taken in log order, and what is usual for a day is
fixed at the day's first event.
"""

from scanner.habits.learn import HABIT_SCHEMA, Learnt, learn
from scanner.habits.state import Habits, changed_rows, from_rows, oldest_kept
from scanner.habits.usual import LEARN_DAYS, standing

__all__ = ["HABIT_SCHEMA", "LEARN_DAYS", "Habits", "Learnt", "changed_rows", "from_rows", "learn", "oldest_kept", "standing"]
