"""Bank and virtual accounts. Korean banks write 10 to 16 digits, most often in three or four groups; there is no common check."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from scanner.catalog.recognizers.base import NUMERIC_TOO, Bools, Pattern, Recognizer, tokens, words

# How Korean banks group the digits of an account, current and former schemes.
_GROUPS = frozenset(
    {
        (3, 2, 6), (3, 3, 6), (4, 3, 6), (6, 2, 6), (4, 2, 7), (3, 6, 5), (3, 6, 3), (3, 4, 6), (3, 4, 4, 2), (3, 6, 2, 3),
        (3, 2, 4, 3), (3, 2, 6, 1), (3, 2, 6, 3), (3, 6, 2, 2), (4, 4, 4, 1), (3, 4, 5, 2), (3, 8, 2, 1), (4, 2, 6), (3, 3, 7),
        (6, 2, 5), (3, 5, 5),
    }
)  # fmt: skip


def _account(values: Sequence[str]) -> Bools:
    """Grouped as banks do, and not a phone number or a date with a serial."""
    result = np.zeros(len(values), dtype=np.bool_)
    for i, value in enumerate(values):
        parts = value.split("-")
        date = (len(parts[0]) == 4 and parts[0][:2] in {"19", "20"}) or (len(parts[0]) == 6 and "18" <= parts[0][:2] <= "26")
        result[i] = tuple(map(len, parts)) in _GROUPS and not date
    return result


recognizer = Recognizer(
    entity="BANK_ACCOUNT",
    title="bank account number",
    patterns=(
        Pattern(r"[0-9]{3,6}-[0-9]{2,8}-[0-9]{2,7}(?:-[0-9]{1,3})?", 4.8, _account),
        Pattern(
            r"(?:국민|신한|우리|하나|농협|기업|새마을|카카오뱅크|카카오|케이뱅크|토스뱅크|토스|우체국|수협|신협|대구|부산|경남|광주|전북|제주|씨티"
            r"|SC제일|KB|NH|IBK|KDB|산업)(?:은행|금고)?\s?[0-9][0-9-]{9,18}",
            8.0,
        ),
        Pattern(r"[0-9]{4}[ -][0-9]{4}[ -][0-9]{2}[ -][0-9]{10}", 6.0),  # Spain's CCC: bank, branch, check, account
        Pattern(r"[1-9][0-9]{9,13}", 1.2),
    ),
    loose=r"[0-9][0-9 *./-]{6,32}[0-9]",
    search=(
        r"(?:계좌|은행|농협|카카오뱅크|토스뱅크|우체국|환불|입금|[Aa]ccount)[^0-9]{0,20}([0-9]{3,6}-[0-9]{2,6}-[0-9]{3,7}(?:-[0-9]{1,3})?"
        r"|[1-9][0-9]{9,13})(?:[^0-9-]|$)"
    ),
    masked=r"[1-9][0-9]{2,5}-[0-9*●]{0,6}[*●xX]{2,8}(?:-[0-9*●]{1,7}){1,2}|[*●xX]{3,}-[*●xX]{2,}-[0-9]{3,7}",
    words=words(
        strong="""
        acct no, acctno, account no, accountno, acct num, account num, account number, bank account, bank acct,
        bank acct no, bank account no, acnt no, actno, acno, acnut no, acnutno, acc no, vacct, vacct no,
        va no, va num, va number, vbanknum, vact, vact no, vact num, virt acct, virt acct no, virt acct num,
        vrtl acct no, vacnt no,
        bankn, cuenta, cuenta bancaria, num cuenta, numero cuenta, nro cuenta, ccc, conto corrente, numero conto,
        num conto, compte,
        num compte, numero compte, compte bancaire, rib, rekening, rekeningnummer, bankrekening, konto nr, kontonr, bankkonto,
        nr konta, numer konta, rachunek, nr rachunku, numer rachunku, conta bancaria, tilinumero, account nbr, acct nbr,
        virtual account, virtual acct, vbank num, vbank no, vr acct no, refund acct, refund account, rfnd acct no,
        refund acct no, deposit acct, kontonummer, bankverbindung, bnk acct, 계좌, 계좌번호, 가상계좌, 가상계좌번호,
        환불계좌, 환불계좌번호, 은행계좌, 입금계좌, 통장번호, 출금계좌
        """,
        weak="account, acct, acnt, acnut, konto, bank no, vbank",
    ),
    negative=tokens("type cd code name nm holder owner 예금주 명 id status created gl ledger user login manager balance"),
    kinds=NUMERIC_TOO,
    lengths=(8, 30),
    digits=(3, 20),
    sensitivity=3,
)
