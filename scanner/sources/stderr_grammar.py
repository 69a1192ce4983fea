"""The grammar of PostgreSQL's stderr log: what a line begins with under a ``log_line_prefix``, in every language of the server.

After the prefix stands a label: a severity begins a record, any other belongs to the record before. Labels are those of the
message catalogues that PostgreSQL ships.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from scanner.config_prefix import PrefixItem, parse_prefix

SEVERITIES: Mapping[str, str] = {
    "DEBUG": "DEBUG НАЛАГОДЖЕННЯ ОТЛАДКА გამართვა 调试 디버그",
    "LOG": "LOG LOGG ЗАПИСУВАННЯ СООБЩЕНИЕ ჟურნალი 日志 로그",
    "INFO": "INFO ІНФОРМАЦІЯ ИНФОРМАЦИЯ ინფორმაცია 信息 정보",
    "NOTICE": "NOTICE HINWEIS NOTIFICA NOTIS ЗАМЕЧАНИЕ ПОВІДОМЛЕННЯ 注意 알림",
    "WARNING": "WARNING ATTENTION ATTENZIONE VARNING WARNUNG ПОПЕРЕДЖЕННЯ ПРЕДУПРЕЖДЕНИЕ გაფრთხილება 警告 경고",
    "ERROR": "ERROR ERREUR ERRORE FEHLER FEL ОШИБКА ПОМИЛКА შეცდომა 错误 오류",
    "FATAL": "FATAL FATALE FATALT ВАЖНО ФАТАЛЬНО ფატალური 致命错误 치명적오류",
    "PANIC": "PANIC PANICO PANIK ПАНІКА ПАНИКА პანიკა 比致命错误还过分的错误 손상",
}
FOLLOWING: Mapping[str, str] = {
    "DETAIL": "DETAIL:  |DETALJ:  |DETALLE:  |DETTAGLI:  |DÉTAIL:  |ВІДОМОСТІ:  |ПОДРОБНОСТИ:  "
    "|დეტალები:  |詳細:  |详细信息:  |상세정보:  ",
    "HINT": "HINT:  |ASTUCE :  |SUGGERIMENTO:  |TIPP:  |TIPS:  |ПОДСКАЗКА:  |УКАЗІВКА:  |მინიშნება:  |ヒント:  |提示:  |힌트:  ",
    "QUERY": "QUERY:  |ANFRAGE:  |CONSULTA:  |FRÅGA:  |REQUÊTE :  |ЗАПИТ:  |ЗАПРОС:  |მოთხოვნა:  |問い合わせ:  |查询:  |쿼리:",
    "CONTEXT": "CONTEXT:  |CONTESTO:  |CONTEXTE :  |CONTEXTO:  |KONTEXT:  |ZUSAMMENHANG:  |КОНТЕКСТ:  "
    "|კონტექსტი:  |上下文:  |文脈:  |내용:  ",
    "LOCATION": "LOCATION:  ",
    "BACKTRACE": "BACKTRACE:  |PILE D'APPEL : |ВІДСТЕЖУВАТИ:  |СТЕК:  |სტეკი:  |バックトレース:  |역추적:  ",
    "STATEMENT": "STATEMENT:  |ANWEISUNG:  |INSTRUCTION :  |ISTRUZIONE:  |SATS:  |SENTENCIA:  |ІНСТРУКЦІЯ:  "
    "|ОПЕРАТОР:  |ოპერატორი:  |文:  |语句:  |명령 구문:  ",
}
UNKNOWN = (
    "[unknown]", "[unbekannt]", "[desconocido]", "[inconnu]", "[sconosciuto]", "[不明]", "[უცნობი]", "[알수없음]", "[н/д]",
    "[okänd]", "[未知]",
)  # fmt: skip
"""What stands for a name that is not known (yet)."""

LABELS: Mapping[bytes, str] = {
    **{f"{word}:  ".encode(): name for name, words in SEVERITIES.items() for word in words.split()},
    **{label.encode(): name for name, labels in FOLLOWING.items() for label in labels.split("|")},
}
"""Every label as it stands in a log, and its English name."""

HEAD_BYTES = 2048
"""No prefix with its label is longer."""

_ZONE = r"(?:[A-Za-z<][A-Za-z0-9_/+<>-]{0,31}|[+-][0-9][0-9](?::?[0-9][0-9]){0,2})"
_TIME = r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"
# Names of accounts and databases that exist: they hold no label, whose mark is a colon with two blanks.
_NAME = r"(?:[^:\n]|:[^: \n]){0,63}?"
_SHAPES: Mapping[str, str] = {
    # chosen freely by the client: printable ASCII since ever, other bytes as \xNN from PostgreSQL 16 on
    "a": r"(?:\\x[0-9a-f]{2}|[^\n]){0,63}?",
    "u": _NAME,
    "d": _NAME,
    "r": r"[^ \n]{0,256}?",
    "h": r"[^ \n]{0,256}?",
    "L": r"[^ \n]{0,256}?",
    "b": r"[^:\n]{0,128}?",
    "i": r"[^:\n]{0,128}?",
    "p": r"[0-9]{1,10}",
    "P": r"[0-9]{0,10}",
    "t": rf"{_TIME} {_ZONE}",
    "m": rf"{_TIME}\.[0-9]{{3}} {_ZONE}",
    "n": r"[0-9]{1,11}\.[0-9]{3}",
    "e": r"[0-9A-Z]{5}",
    "c": r"[0-9a-f]{1,16}\.[0-9a-f]{1,8}",
    "l": r"[0-9]{1,18}",
    "s": rf"{_TIME} {_ZONE}",
    "v": r"(?:-?[0-9]{1,20}/[0-9]{1,20})?",
    "x": r"[0-9]{1,20}",
    "Q": r"-?[0-9]{1,20}",
}
_FREE = {"a": r"(?:\\x[0-9a-f]{2}|[^\n]){0,63}", "u": r"[^\n]{0,63}", "d": r"[^\n]{0,63}"}
_CHOSEN = "aud"
_LABEL = "|".join(sorted((re.escape(label.decode()) for label in LABELS), key=len, reverse=True))


_UNBOUNDED = re.compile(r"\{0,\d+\}(\??)")


@dataclass(frozen=True)
class Grammar:
    """Patterns for one prefix, for RE2 over bytes: linear whatever the bytes are. ``fields``: the escapes that are groups."""

    fields: tuple[str, ...]
    head: str  # group "head": prefix and label; group "label"; a group f_x for each escape x. Without bounds: check lengths
    quick: str  # ``head`` with any word for a label: a match counts when the label is one of LABELS
    longest: str  # the same with bounds, and with the client's own fields as long as can be; "" when the client has none
    names_behind_app: bool  # the client's application name stands before account or database, and may imitate them
    session: str  # "longest" without the way out at %q; "" without %q
    stop: int  # how many of ``fields`` stand before %q
    stub: str  # what stands before the first field of the client; "" when the client has none


def grammar(prefix: str) -> Grammar:
    """The grammar of a prefix. Raises PrefixError."""
    items = parse_prefix(prefix)
    names = tuple(item.escape for item in items if item.escape and item.escape != "q")
    client = [n for n, item in enumerate(items) if item.escape and item.escape in _CHOSEN]
    stub = _pattern(items[: client[0]], _SHAPES, stop=False) if client else ""
    longest = {**_SHAPES, "a": _FREE["a"]}
    free = {**_SHAPES, **_FREE}
    head = _UNBOUNDED.sub(r"*\1", _head(_pattern(items, _SHAPES, stop=True)))  # bounds make RE2 slow
    has_stop = any(item.escape == "q" for item in items)
    return Grammar(
        names,
        head,
        head.replace(_LABEL, "[^ :\\n]+:  "),
        _head(_pattern(items, longest, stop=True)) if "a" in names else "",
        "a" in names and bool({"u", "d"} & set(names[names.index("a") :])),
        _head(_pattern(items, free, stop=False)) if has_stop and client else "",
        _stop(items),
        rf"\A{stub}" if stub else "",
    )


def _stop(items: tuple[PrefixItem, ...]) -> int:
    names = [item.escape for item in items if item.escape]
    return names.index("q") if "q" in names else len(names)


def _head(prefix: str) -> str:
    return rf"\A(?P<head>{prefix}(?P<label>{_LABEL}))"


def _pattern(items: tuple[PrefixItem, ...], shapes: Mapping[str, str], *, stop: bool) -> str:
    parts: list[str] = []
    closing = ""
    for number, item in enumerate(items):
        if item.escape == "q":
            if stop:
                parts.append("(?:")
                closing = ")?"
        elif item.escape:
            space = " *" if item.padded else ""
            shape = shapes[item.escape]
            if item.escape == "d" and number > 1 and items[number - 2].escape == "u" and items[number - 1].text == "@":
                # account names with an @ are many, databases with one are few
                shape = shape.replace("\\n]", "\\n@]")
            parts.append(f"{space}(?P<f_{item.escape}>{shape}){space}")
        else:
            parts.append(re.escape(item.text))
    return "".join(parts) + closing
