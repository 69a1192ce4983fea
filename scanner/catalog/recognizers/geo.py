"""Positions on earth: latitude and longitude in columns of their own, or together."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, THINGS_WITH_PLACES, Pattern, Recognizer, tokens, words

recognizer = Recognizer(
    entity="GEO",
    title="position",
    patterns=(
        Pattern(r"-?[0-9]{1,2}\.[0-9]{3,}\s?[, ]\s?-?[0-9]{1,3}\.[0-9]{3,}", 7.0),
        Pattern(r"POINT\s?\(-?[0-9.]+ -?[0-9.]+\)|\(-?[0-9]{1,3}\.[0-9]{3,},-?[0-9]{1,3}\.[0-9]{3,}\)", 7.0),
        Pattern(r"3[3-8]\.[0-9]{5,}|12[4-9]\.[0-9]{5,}|13[01]\.[0-9]{5,}", 3.3),
        Pattern(r"3[3-8]\.[0-9]{4,}|12[4-9]\.[0-9]{4,}|13[01]\.[0-9]{4,}", 2.5),
    ),
    loose=r"-?[0-9]{1,3}\.[0-9]{2,}|POINT.*",
    words=words(
        strong="""
        lat, lon, lng, latitude, longitude, gps, gps lat, gps lng, gps lon, lttd, lgtd, geo, geo point, geom,
        geo lat, geo lon, coord, coords, coordinates, la, lo, pos x, pos y, 위도, 경도, 좌표, 위치좌표
        """,
        weak="location, loc, position, 위치",
    ),
    negative=tokens("hist name nm history plat store shop warehouse branch center wh 매장 점포 지점 창고 max min width"),
    things=THINGS_WITH_PLACES,
    kinds=NUMERIC_TOO,
    lengths=(4, 60),
    digits=(3, 40),
    neighbours=1.0,
    sensitivity=3,
)
