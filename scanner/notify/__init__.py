"""Telling people of findings: what is to be told to whom is planned in the state database, then delivered until it arrives.

Planning reads the history of findings, so nothing that a scan found is forgotten when the program is killed in between; a
message's id follows from finding, reason and channel, so nothing is told twice on purpose. Messages hold no personal data.
"""

from scanner.notify.outbox import STATES, Told, listed, retry, tell, try_channel

__all__ = ["STATES", "Told", "listed", "retry", "tell", "try_channel"]
