"""Whatever SQL holds, it is text: it forges nothing, hides nothing and damages nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conformance.formats import FORMATS, Format, Scans

pytestmark = pytest.mark.parametrize("form", FORMATS, ids=str)

FORGED = {other.type: other.render("select * from forged", 1).decode() for other in FORMATS}
TEXTS = {
    "CRLF": "select 1\r\nfrom t\r\n",
    "line ends": "\n\nselect 1\n\n\nfrom t\n",
    "tabs": "select\t1\n\tfrom t\n\t\twhere a\t",
    "unbalanced quotes": "select ' \" \n \"\" ''' `",
    "many quotes": '"' * 1001 + "'" * 333,
    "backslashes": "select E'\\n\\\\\n\\",
    "commas and quotes": '",,,,"\n","\n,"',
    "braces": '"}\n{"timestamp":"}',
    "Korean": "select '한글 이름 \u2028 \u0085 end'",
    "control characters": "select '\x01\x02\x1b\x7f'",
    "a label": "select 1\nLOG:  AUDIT: SESSION,1,1,READ,SELECT,,,select 2,<none>,5",
}


@pytest.mark.parametrize("name", TEXTS)
def test_any_text(form: Format, tmp_path: Path, name: str) -> None:
    texts = ["select 1", TEXTS[name], "select 3"]
    (tmp_path / "a.log").write_bytes(b"".join(form.render(text, n) for n, text in enumerate(texts, 1)))
    scans = Scans(form, tmp_path / "a.log")
    scans.scan()
    assert scans.notices == []
    assert scans.texts == [form.said(text) for text in texts]
    assert scans.skipped == 0


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\t", "\\n"])
def test_forged_records_are_text(form: Format, tmp_path: Path, end: str) -> None:
    """Records of every format inside SQL, with every kind of line end, behind every kind of quote."""
    forged = [record.replace("\n", end) for record in FORGED.values()]
    quotes = ["", '"', "'", '"}', "\\", ",", '",']
    texts = [f"/* {n} */ {before}{end}{text * 3}" for n, before in enumerate(quotes) for text in forged]
    (tmp_path / "a.log").write_bytes(b"".join(form.render(text, n) for n, text in enumerate(texts, 1)))
    scans = Scans(form, tmp_path / "a.log", 5000)
    scans.scan()
    assert scans.texts == [form.said(text) for text in texts]
    assert scans.skipped == 0


def test_bytes_that_are_no_utf8_keep_their_record(form: Format, tmp_path: Path) -> None:
    broken = form.render("select 'NAME'", 2).replace(b"NAME", "김".encode("euc-kr"))
    (tmp_path / "a.log").write_bytes(form.render("select 1", 1) + broken + form.render("select 3", 3))
    scans = Scans(form, tmp_path / "a.log", 1 << 20)
    scans.scan()
    assert scans.texts == ["select 1", "select '\ufffd\ufffd'", "select 3"]
    assert ["not UTF-8" in notice for notice in scans.notices] == [True]
    assert scans.skipped == 0


@pytest.mark.parametrize("rubbish", [b"\0" * 5000 + b"\n", b"\x80\x81\xfe rubbish\n", b"\n\n", b"some other program's line\n"])
def test_rubbish_between_records_costs_only_itself(form: Format, tmp_path: Path, rubbish: bytes) -> None:
    """A crash leaves blocks of NULs; other programs write to the same file."""
    records = [form.render(f"select {n}", n) for n in range(1, 31)]
    (tmp_path / "a.log").write_bytes(b"".join(records[:15]) + rubbish + b"".join(records[15:]))
    scans = Scans(form, tmp_path / "a.log", 3000)
    scans.scan()
    assert scans.texts == [f"select {n}" for n in range(1, 31)]
    assert scans.skipped == (0 if form.between and not rubbish.strip(form.between) else len(rubbish))
