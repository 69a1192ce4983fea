"""Contracts as columns of events: whose account it was, what was agreed with that vendor, and what went beyond it.

:func:`judge` decides set-based. Python looks only at what is few (accounts, addresses, personal columns, local days);
everything a row long is numpy. What it decides:

* **vendor** — by glob on the account, case-sensitive. A literal name goes before a glob; of several globs the one with
  the most fixed characters wins. No match: the company's own account.
* **main_vendor** — the vendor that it is part of, else itself: what several share is judged together.
* **contract** — of several contracts in time the one that has begun last; before the first that one. A vendor that is part of
  another and has no contract of its own has the other's.
* **contract_state** — by the event's local date in the vendor's time zone; ``from`` and ``until`` are both included.
* **contract_breach** — only for events that touch data: reads and writes of tables, or anything that exposed personal
  data. A connection out of hours, or a foreign-key check by the engine, breaks nothing.

  ========  ===================================================================================================
  table     personal columns left of a table that neither ``tables`` nor ``columns`` names
  column    ``columns`` names columns of the table, and other personal columns of it left. ``columns`` narrows: it
            holds for the tables it names even where ``tables`` names them too
  hours     outside the contract's hours, and outside every maintenance window
  address   a client address outside ``addresses``; an address the log does not give breaks nothing
  expired   after ``until``
  not_yet   before ``from``
  export    personal columns of an agreed export left outside what was agreed for it, and the rest of the contract
            does not cover them; or over its rows a day where no ``max_persons_per_day`` bounds them
  ========  ===================================================================================================

  A contract with neither ``tables`` nor ``columns`` leaves tables free; an empty list allows none.
* **in_maintenance** — inside an announced window: of the contract, or of the databases (in the company's time zone).
* **agreed_export** — the contract is active, the address right, all personal columns that left are among an export's,
  the time is inside its hours and its own dates, and the rows of that local day up to and including this event are within
  ``max_rows_per_day``. Rows beyond the limit count too: once the day is used up, it stays so. An event that fits
  several exports counts for the first. An agreed export is no breach of table, column or hours. **export** names it.
* **contract_share** — people exposed ÷ ``max_persons_per_day``; 0 without a limit and for an agreed export.
* **in_contract** — active and nothing broken; null for the company's own accounts. A vendor without a contract has
  ``contract_state`` none and is never in contract; only its addresses can be broken.
"""

from scanner.contracts.canary import canaries
from scanner.contracts.clock import holidays_near
from scanner.contracts.exports import EXPORT_ROWS_SCHEMA
from scanner.contracts.facts import BREACHES, STATES
from scanner.contracts.judge import COLUMNS, Judged, judge
from scanner.contracts.match import unlisted

__all__ = ["BREACHES", "COLUMNS", "EXPORT_ROWS_SCHEMA", "STATES", "Judged", "canaries", "holidays_near", "judge", "unlisted"]
