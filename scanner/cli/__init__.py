"""The command line. Data on stdout, progress and summaries on stderr.

Exit codes: 0 done, 1 findings at or above ``--fail-on``, 2 could not run or the scan was incomplete (2 outranks 1).
"""

from scanner.cli.app import main

__all__ = ["main"]
