"""What a message says: what happened, how bad it is, where to look. Never whose data, which account, address or statement.

Texts in English and Korean; programs get the same facts as JSON.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_LONGEST = 200

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "informational": "informational", "low": "low", "medium": "medium", "high": "high", "critical": "critical",
        "own": "the company's own accounts", "vendor": "Vendor", "database": "Database", "level": "Level",
        "people": "People exposed", "data": "Personal data", "how": "How", "when": "When", "finding": "Finding",
        "created": "A new finding.", "level_raised": "This finding has become more serious.",
        "reopened": "This finding was opened again.",
        "unsuppressed": "This finding is not suppressed any more.",
        "suppression_ending": "The suppression that hides this finding is about to end: renew it, or decide about the finding.",
        "test": "This is a test; there is nothing to do.",
        "fallback": "Another channel could not be reached, so you are told here.",
        "escalation": "Nobody has taken this finding up for {minutes} minutes.",
        "do": "Take it up with: vendorwatch findings ack {id}", "digest": "{count} findings",
        "no_people": "none counted", "range": "between {low} and {high}",
    },
    "ko": {
        "informational": "참고", "low": "낮음", "medium": "중간", "high": "높음", "critical": "심각",
        "own": "자사 계정", "vendor": "수탁사", "database": "데이터베이스", "level": "등급",
        "people": "노출된 정보주체", "data": "개인정보", "how": "방법", "when": "시각", "finding": "탐지 번호",
        "created": "새로운 탐지입니다.", "level_raised": "탐지의 등급이 올라갔습니다.",
        "reopened": "탐지가 다시 열렸습니다.", "unsuppressed": "이 탐지는 더 이상 예외 처리되지 않습니다.",
        "suppression_ending": "이 탐지에 대한 예외 처리가 곧 만료됩니다. 연장하거나 탐지를 판정하십시오.",
        "test": "시험 메시지입니다. 조치할 것이 없습니다.",
        "fallback": "다른 경로로 전달되지 않아 이곳으로 알립니다.",
        "escalation": "{minutes}분 동안 아무도 이 탐지를 확인하지 않았습니다.",
        "do": "확인: vendorwatch findings ack {id}", "digest": "탐지 {count}건",
        "no_people": "집계 없음", "range": "{low}명에서 {high}명 사이",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Notice:
    """One finding to be told, and why now."""

    id: str  # of the message; the same at every attempt
    reason: str
    step: int
    finding: Mapping[str, Any]  # as served
    waited_minutes: int = 0


@dataclass(frozen=True)
class Message:
    """What goes out: for people a subject and a text, for programs ``data``."""

    id: str
    subject: str
    text: str
    data: Mapping[str, Any]


def compose(notices: Sequence[Notice], *, language: str, zone: ZoneInfo, console_url: str) -> Message:
    """One message of one or (a digest) several notices, the worst first."""
    words = _WORDS[language]
    blocks = [_block(notice, words, zone, console_url) for notice in notices]
    if len(notices) == 1:
        subject = f"[vendorwatch] {_headline(notices[0].finding, words)}"
        data = facts(notices[0], console_url)
    else:
        subject = f"[vendorwatch] {words['digest'].format(count=len(notices))}"
        data = {"type": "finding.digest", "data": {"findings": [facts(notice, console_url)["data"] for notice in notices]}}
    return Message(notices[0].id, clean(subject), "\n\n".join(blocks) + "\n", data)


def facts(notice: Notice, console_url: str) -> dict[str, Any]:
    """A thin payload: enough to decide whether to look, nothing about anybody."""
    f = notice.finding
    return {
        "type": f"finding.{notice.reason}",
        "data": {
            "id": f["id"],
            "level": f["level"],
            "status": f["status"],
            "title": _title(f),
            "rules": list(f["rules"]),
            "vendor": f["vendor"],
            "vendor_name": clean(f.get("vendor_name") or ""),
            "database": f["database"],
            "first_event": f["first_event"],
            "last_event": f["last_event"],
            "exposed_persons": dict(f["exposed_persons"]),
            "pii_classes": list(f["pii_classes"]),
            "techniques": list(f["techniques"]),
            "escalation_step": notice.step,
            "url": _link(f, console_url),
        },
    }


def clean(text: str) -> str:
    """One line without controls (also those that turn the direction of text), of bounded length."""
    line = _CONTROLS.sub(" ", text).strip()
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"


def _block(notice: Notice, words: Mapping[str, str], zone: ZoneInfo, console_url: str) -> str:
    f = notice.finding
    lines = [
        words[notice.reason].format(minutes=notice.waited_minutes),
        "",
        _headline(f, words),
        f"{words['level']}: {words[f['level']]}",
        f"{words['vendor']}: {_vendor(f, words)}",
        f"{words['database']}: {clean(f['database'])}",
        f"{words['people']}: {_people(f, words)}",
        f"{words['data']}: {', '.join(f['pii_classes'][:12]) or '–'}",
        f"{words['how']}: {', '.join(f['techniques'][:6]) or '–'}",
        f"{words['when']}: {_moment(f['first_event'], zone)} – {_moment(f['last_event'], zone)} ({zone.key})",
        f"{words['finding']}: {f['id']}",
        _link(f, console_url) or words["do"].format(id=f["id"]),
    ]
    return "\n".join(lines)


def _headline(f: Mapping[str, Any], words: Mapping[str, str]) -> str:
    return f"{words[f['level']]}: {_vendor(f, words)}: {_title(f)}"


def _title(f: Mapping[str, Any]) -> str:
    """The title of the strongest rule: our words, never the finding's sentence, which names accounts and tables."""
    matched = f.get("matched") or [{}]
    return clean(str(matched[0].get("title", "")))


def _vendor(f: Mapping[str, Any], words: Mapping[str, str]) -> str:
    return clean(f.get("vendor_name") or f["vendor"] or words["own"])


def _people(f: Mapping[str, Any], words: Mapping[str, str]) -> str:
    low, best, high = (int(f["exposed_persons"][name]) for name in ("low", "best", "high"))
    if not high:
        return words["no_people"]
    return f"{best:,}" + ("" if low == best == high else f" ({words['range'].format(low=f'{low:,}', high=f'{high:,}')})")


def _moment(text: str, zone: ZoneInfo) -> str:
    return datetime.fromisoformat(text).astimezone(zone).strftime("%Y-%m-%d %H:%M")


def _link(f: Mapping[str, Any], console_url: str) -> str:
    return f"{console_url.rstrip('/')}/findings/{f['id']}" if console_url else ""
