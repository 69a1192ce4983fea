"""Ages and birth years: they narrow down who somebody is without naming them."""

from __future__ import annotations

from collections.abc import Sequence

from scanner.catalog.recognizers.base import NUMERIC_TOO, Pattern, Plausibility, Recognizer, tokens, words


def _human(values: Sequence[str]) -> Plausibility:
    numbers = [int(v) for v in values if v.isdigit()]
    sound = sum(n <= 120 or 1900 <= n <= 2026 for n in numbers)
    share = sound / len(numbers) if numbers else 0.5
    return Plausibility(share, f"{share:.0%} within human ages or birth years")


recognizer = Recognizer(
    entity="AGE",
    title="age or birth year",
    patterns=(Pattern(r"(?:19[0-9]{2}|20[0-2][0-9])|[0-9]{1,3}(?:세|대)?", 0.3),),
    loose=r"[0-9]{1,3} ?[-~] ?[0-9]{1,3}세?"
    r"|[0-9]{1,3}(?: ?\+| ?이상| ?미만|대 ?이상)|[<>]=? ?[0-9]{1,3}|[0-9]{1,4}(?:세|대|년|s)?",
    words=words(
        strong="""
        age, age group, age band, birth year, birthyear, birth yr, brth yy, birth yyyy, birth y, yob, byear,
        alter jahre, 나이, 연령, 연령대, 출생연도, 출생년도, 생년도, 태어난해
        """,
        weak="ages",
    ),
    negative=tokens("account page cache file token data max min limit target product session order account avg"),
    kinds=NUMERIC_TOO,
    lengths=(1, 10),
    digits=(1, 4),
    plausible=_human,
    form="quasi",
    needs_word=True,
    sensitivity=1,
)
