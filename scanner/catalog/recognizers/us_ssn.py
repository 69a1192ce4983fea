"""United States social security numbers: never area 000, 666 or 900–999, group 00 or serial 0000 (SSA)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Pattern, Recognizer, digit_matrix, tokens, words


def _issued(values: Sequence[str]) -> Bools:
    matrix, fits = digit_matrix(values, 9)
    area = matrix[:, 0] * 100 + matrix[:, 1] * 10 + matrix[:, 2]
    group = matrix[:, 3] * 10 + matrix[:, 4]
    serial = matrix[:, 5:].sum(axis=1)
    sound: Bools = fits & (area != 0) & (area != 666) & (area < 900) & (group > 0) & (serial > 0)
    # real columns never hold impossible numbers; a few are dirt, many mean it is something else
    return sound if len(values) < 5 or float(np.mean(sound)) > 0.93 else np.zeros(len(values), dtype=np.bool_)


recognizer = Recognizer(
    entity="US_SSN",
    title="US social security number",
    patterns=(Pattern(r"[0-9]{3}[- ][0-9]{2}[- ][0-9]{4}", 7.0, _issued), Pattern(r"[0-9]{9}", 0.3, _issued)),
    loose=r"[0-9*xX]{3}[- ]?[0-9*xX]{2}[- ]?[0-9]{4}",
    search=r"(?:^|[^0-9A-Za-z_=/.-])([0-8][0-9]{2}-[0-9]{2}-[0-9]{4})(?:[^0-9A-Za-z-]|$)",
    search_check=_issued,
    masked=r"[*xX#]{3}[- ]?[*xX#]{2}[- ]?[0-9]{4}",
    words=words(
        strong="ssn, social security, social security number, social security no, soc sec no, ss no, us ssn",
        weak="tin, taxpayer id, tax id, social, social no",
    ),
    negative=tokens("kr jumin"),
    kinds=NUMERIC_TOO,
    lengths=(9, 11),
    digits=(4, 9),
    sensitivity=4,
)
