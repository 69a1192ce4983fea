"""Korean vehicle plates: 12가3456, 123가4567, older ones with the region in front; and German and British forms by name only."""

from __future__ import annotations

from scanner.catalog.recognizers.base import Pattern, Recognizer, tokens, words

_KIND = "가나다라마거너더러머버서어저고노도로모보소오조구누두루무부수우주허하호배바사아자육해공국합"
_REGION = "서울|부산|대구|인천|광주|대전|울산|세종|경기|강원|충북|충남|전북|전남|경북|경남|제주"

recognizer = Recognizer(
    entity="VEHICLE_PLATE",
    title="vehicle plate",
    patterns=(Pattern(rf"(?:{_REGION})?\s?[0-9]{{1,3}}\s?[{_KIND}]\s?[0-9]{{4}}", 8.5),),
    loose=r"[0-9A-Za-z가-힣]{1,6}[ -]?[0-9A-Za-z가-힣]{1,6}[ -]?[0-9A-Za-z*]{0,5}",
    search=rf"(?:^|[^0-9A-Za-z가-힣-])((?:{_REGION})?\s?[0-9]{{2,3}}\s?[{_KIND}]\s?[0-9]{{4}})(?:[^0-9-]|$)",
    masked=rf"(?:{_REGION})?\s?[0-9*]{{2,3}}\s?[{_KIND}*]\s?(?:[0-9]{{0,3}}[*●]{{1,4}}[0-9]{{0,3}})",
    words=words(
        strong="""
        car no, carno, car num, car number, plate, plate no, plate number, license plate, licence plate, vehicle no,
        vehicle number, vhcl no, vhcle no, vhrno, vehicle plate, car plate, kennzeichen, number plate, car reg no,
        vehicle reg no, vehicle registration, 차량번호, 차번호, 자동차번호, 차량 번호, 번호판, 자동차등록번호, 등록차량번호
        """,
        weak="vehicle, vhcl, car, 차량",
    ),
    negative=tokens("type model kind brand color maker size weight 모델 차종 종류 model name nm"),
    lengths=(4, 16),
    digits=(2, 8),
    sensitivity=3,
)
