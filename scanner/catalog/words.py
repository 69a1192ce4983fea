"""Column names as words: splitting, segmentation of run-together names, and matching against recognizers.

Only whole tokens count: ``tel`` is in ``rcv_tel`` and in ``RCVTEL``, never in ``hotel_id``. Run-together names are split only
when they are *entirely* made of known words.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from scanner.catalog.recognizers import Recognizer
from scanner.catalog.recognizers.base import tokens

_PIECES = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[가-힣]+|[^\W\d_]+")

# Tokens that say "this is about the thing, not the thing itself", whatever the class.
NEGATIVE = tokens("""
    yn flag flg is has verified verify verif valid validated invalid cnt count counts len length num_of status stts
    state_cd exists agree agreed agr agrmt consent optin opt_in optout enabled disabled allow allowed used score rate
    ratio rank confirmed certified auth_yn crtfc required requested needed sent opened clicked bounced changed updated
    modified created deleted expires expiry format regex pattern label type typ kind dvsn category 여부 인증 건수 동의
    구분 유형 종류 일시 횟수 길이 상태 수신동의 수신 확인 만료 변경일 등록일 수정일
    """)

# Tokens that say "the thing, but not in the clear".
MASKED = tokens("""
    mask masked msk mskd masking hash hashed hsh sha sha256 md5 sha1 hmac enc encr encrypted encrypt crypt cipher
    ciphertext token tokenized tokenised tkn tok anon anonymized pseudo pseudonym digest 마스킹 암호화 해시 해쉬 암호
    """)

# Negative words that may also stand in the name of the thing itself: they speak only beside a word for it.
_ABOUT_KEYS = tokens("""
    id no nm name num seq key type cd code kind 명 번호 이름 col column field fld table file index title label tag item unit
    항목 값 필드 컬럼 열
    """)

# Names made of these and numbers say nothing.
_BLANK = tokens("""
    col column field fld attr attribute val value var data txt text str num key param arg prop item misc etc tmp temp ext extra
    udf user_defined custom 항목 값 필드 컬럼 열 기타 속성
    """)

# Tokens of tables and keys that are about people.
PEOPLE = tokens("""
    mbr mber mem member members memb customer customers cust custs user users usr usrs person persons people psn
    employee employees emp emps staff staffs client clients clnt patient patients pat student students stdnt account
    accounts buyer buyers subscriber subscribers subs consumer consumers guest guests passenger passengers driver
    drivers contact contacts cntct applicant applicants owner owners profile profiles lead leads visitor visitors
    holder holders insured candidate candidates resident residents citizen citizens party rider riders recipient
    recipients receiver rcvr rcv ordr orderer human humans individual individuals agent agents counselor worker
    workers 회원 고객 사용자 직원 사원 환자 학생 가입자 구매자 신청자 방문자 계약자 주문자 수령인 기사
    """)

# Tokens of tables that are about things.
THINGS = tokens("""
    prd prds prod product products goods gds item items itm sku category categories ctg brand brands store stores shop
    shops company companies comp firm firms food foods menu menus restaurant restaurants vendor vendors supplier
    suppliers warehouse wh code codes cd common config setting settings city cities country countries region regions
    branch branches department departments dept depts team teams campaign campaigns coupon coupons event file files
    page pages role roles currency bank banks hotel hotels carrier carriers 상품 제품 품목 카테고리 브랜드 매장 점포
    업체 회사 음식 메뉴 코드 부서 지점 창고 공급사
    """)

_COMMON = tokens("""
    no num nm name id cd code dt date time at ts yn seq key val value type typ by reg mod upd ins crt del use my main
    sub new old cur prev first last home work office company biz etc emer emergency emrg rep own alt sec primary
    second info data txt text str fld field col full short org src dst from to in out user cust mbr rcv snd dlv ordr
    ord pay bill ship rfnd refund dlvr recv rcvr sender mem 번호 명 코드 일자 일시 주 부 신규 기존 정보 값 자택 직장
    회사 최종 최초 배송 주문 결제 환불 수신 발신 영문 한글 대표
    """)


def pieces(name: str) -> list[str]:
    """Lower-case tokens of a name: separators, camel case, digits and scripts part them.

    >>> pieces("rcvTelNo1")
    ['rcv', 'tel', 'no', '1']
    """
    return [p.casefold() for p in _PIECES.findall(unicodedata.normalize("NFKC", name))]


@dataclass(frozen=True)
class NameEvidence:
    """What a column's name says about one class."""

    strength: float = 0.0  # 0 nothing … 1 says it
    phrase: str = ""  # the words that say so
    negative: str = ""  # the word that speaks against it


@dataclass(frozen=True)
class Vocabulary:
    """All words of a set of recognizers, indexed for matching."""

    recognizers: Mapping[str, Recognizer]

    @cached_property
    def _phrases(self) -> dict[str, list[tuple[str, str, float]]]:
        """Phrase without its spaces → (phrase, class, strength): ``hpno``, ``hp_no`` and ``hpNo`` are the same name."""
        index: dict[str, list[tuple[str, str, float]]] = {}
        for entity, recognizer in self.recognizers.items():
            for phrase, strength in recognizer.words.items():
                index.setdefault("".join(pieces(phrase)), []).append((phrase, entity, strength))
        return index

    @cached_property
    def _known(self) -> frozenset[str]:
        known = set(NEGATIVE | MASKED | PEOPLE | THINGS | _COMMON)
        for recognizer in self.recognizers.values():
            known |= recognizer.negative
            for phrase in recognizer.words:
                known.update(pieces(phrase))
        return frozenset(w for w in known if len(w) > 1 or "가" <= w <= "힣")

    def split(self, name: str) -> list[str]:
        """Tokens of a name, run-together ones segmented where known words cover them whole."""
        known = self._splits.get(name)
        if known is None:
            known = self._splits[name] = self._split(name)
        return known

    @cached_property
    def _splits(self) -> dict[str, list[str]]:
        """Names met so far: a schema has far fewer different names than columns."""
        return {}

    def _split(self, name: str) -> list[str]:
        result: list[str] = []
        for piece in pieces(name):
            parts = [piece] if piece in self._known or piece.isdigit() else self._segment(piece)
            result.extend(parts)
        return result

    def _segment(self, piece: str) -> list[str]:
        """The split of a run-together token into the fewest known words; itself when there is none."""
        hangul = "가" <= piece[0] <= "힣"
        if not hangul and (len(piece) < 4 or len(piece) > 30):
            return [piece]
        best: list[list[str] | None] = [[]] + [None] * len(piece)
        for end in range(1, len(piece) + 1):
            for start in range(max(0, end - 12), end):
                head = best[start]
                if head is not None and piece[start:end] in self._known:
                    candidate = [*head, piece[start:end]]
                    known = best[end]
                    if known is None or len(candidate) < len(known):
                        best[end] = candidate
        whole = best[len(piece)]
        if whole is not None:
            return whole
        if hangul:
            # Korean compounds end in what they are: 회원연락처1 is a 연락처, whatever stands before it
            for start in range(1, len(piece) - 1):
                if piece[start:] in self._known and len(piece) - start >= 2:
                    return [piece[:start], piece[start:]]
        return [piece]

    def match(self, split: list[str]) -> dict[str, NameEvidence]:
        """Classes a column's tokens speak for, with what speaks against them."""
        found: dict[str, tuple[float, str]] = {}
        covered: dict[str, set[int]] = {}
        for start in range(len(split)):
            for end in range(start + 1, min(len(split), start + 5) + 1):
                for phrase, entity, strength in self._phrases.get("".join(split[start:end]), ()):
                    covered.setdefault(entity, set()).update(range(start, end))
                    # the last word says what a thing is; earlier ones whose
                    last = all(t.isdigit() for t in split[end:])
                    value = strength * (1.0 if last or end - start > 1 else 0.85)
                    if value > found.get(entity, (0.0, ""))[0]:
                        found[entity] = (value, phrase)
        result: dict[str, NameEvidence] = {}
        for entity, (value, phrase) in found.items():
            used = covered[entity]
            against = next(
                (t for i, t in enumerate(split) if i not in used and (t in NEGATIVE or t in self.recognizers[entity].negative)),
                "",
            )
            result[entity] = NameEvidence(value, phrase, against)
        return result

    def against(self, split: list[str], entity: str) -> NameEvidence:
        """What a name that does not speak of a class has against it."""
        negative = self.recognizers[entity].negative - _ABOUT_KEYS
        return NameEvidence(negative=next((t for t in split if t in NEGATIVE or t in negative), ""))


def says_something(split: Iterable[str]) -> bool:
    """Is there a word in the name at all, or only ``col``, ``x`` and numbers?"""
    return any(not t.isdigit() and t not in _BLANK and (len(t) > 2 or "가" <= t[0] <= "힣") for t in split)


def any_of(split: Iterable[str], group: frozenset[str]) -> bool:
    """Does any token, or its singular, belong to the group?"""
    return any(t in group for t in split)
