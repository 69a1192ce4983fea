"""The log as evidence: whether records are missing from it, were changed behind our back, or stopped coming.

The front half makes a :class:`Trail` of each slice; :class:`SourceState` carries what is known of a source from slice to slice
and says at the end of a scan what was found; :mod:`scanner.continuity.files` looks whether files still hold what was read.
"""

from scanner.continuity.observation import ACTIVITY, Observation, Sign
from scanner.continuity.state import SourceState
from scanner.continuity.trail import Trail, follow

__all__ = ["ACTIVITY", "Observation", "Sign", "SourceState", "Trail", "follow"]
