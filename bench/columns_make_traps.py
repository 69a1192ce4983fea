"""A second, harder set of labelled columns: ``python columns_make_traps.py SEED TABLES ROWS > columns.jsonl``.

Odd formats, values of several shapes in one column, few values, columns named in other languages, and what only looks like
personal data. Standard library alone: its names are written here and are in nobody else's list on purpose. Written in one go and
not used to mend the classifier; whoever does so should write another.
"""

# one kind of column a line, word lists as text
# ruff: noqa: E501, SIM905

from __future__ import annotations

import hashlib
import json
import random
import string
import sys
from collections.abc import Callable
from typing import Any

Make = Callable[[], Any]
R = random.Random()


def d(form: str) -> str:
    """``#`` a digit, ``@`` a capital, ``?`` a small letter, ``%`` a hex digit."""
    of = {"#": string.digits, "@": string.ascii_uppercase, "?": string.ascii_lowercase, "%": "0123456789abcdef"}
    return "".join(R.choice(of[c]) if c in of else c for c in form)


def any_(*makes: Make) -> Make:
    return lambda: R.choice(makes)()


def f(*forms: str) -> Make:
    return lambda: d(R.choice(forms))


def w(words: str) -> Make:
    options = words.split(",")
    return lambda: R.choice(options)


SUR = "김이박최정강조윤장임한오서신권황안송류전홍고문양손배백허유남심노하곽성차주우구민나진지엄채원천방공현함변염여추도소석선설마길표명반왕옥맹제모탁국어은편"
GIV = "경란 미숙 재필 옥자 용식 하늘 은솔 가람 시윤 예나 도겸 지한 채아 로운 이든 유나 봉수 말자 금옥 영배 창식 정숙 하율 서하 아린 건호 태민 희수 종구 복순 기철 나윤 단 율 결 솔 진".split()
FOREIGN = "응우옌티란,마이클 브라운,팜반득,왕샤오밍,사토 유키,제임스 박,알렉산더 김,흐엉,리우웨이,안나 콘스탄티노바".split(",")
LATIN = "Nguyễn Thị Hoa,Aleksandar Petrović,Siobhán O'Brien,José María Muñoz,Priya Raghunathan,Olumide Adeyemi,Hans-Peter Kühn,Zsófia Szabó,Kwame Mensah,Yuki Sato,Mohammed Al-Farsi,Elif Yıldız,Jean-Luc Lefèvre,Agnieszka Wójcik,Björn Åkesson,Chiara De Luca,Rohan Deshpande,Grace Okonkwo,Liam Fitzgerald,Mei Ling Tan,Tomáš Novotný,Ingrid Halvorsen,Carlos Eduardo Souza,Fatima Zahra Benali,Dmitri Volkov,Hannah Goldberg,Diego Fernández,Emma Thompson,Noah Williams,Charlotte Davies,Jack Robinson,Amelia Clarke,Benjamin Wright,Lucy Harper,George Bennett".split(
    ","
)
DOMAINS = "naver.com hanmail.net gmail.com kakao.com web.de orange.fr mail.example.co.uk corp.example daum.net proton.me".split()


def ko() -> str:
    return R.choice(SUR) + R.choice(GIV)


def user() -> str:
    return (
        R.choice("sky moon star kim lee happy coco jini mint blue rock tiger anna max leo".split())
        + R.choice(["", "_", ".", "-"])
        + d(R.choice(["##", "####", "?#", "??##"]))
    )


def mail() -> str:
    return f"{user()}@{R.choice(DOMAINS)}"


def ymd(low: int = 1937, high: int = 2011) -> tuple[int, int, int]:
    return R.randint(low, high), R.randint(1, 12), R.randint(1, 28)


def rrn(sep: str, genders: str = "1234") -> str:
    y, m, dd = ymd()
    return f"{y % 100:02d}{m:02d}{dd:02d}{sep}{genders[R.randint(0, 1) + (0 if y < 2000 else 2)]}{d('######')}"


def when(form: str, low: int = 1937, high: int = 2011) -> Make:
    return lambda: (
        lambda t: form.format(
            y=t[0], s=t[0] % 100, m=t[1], d=t[2], n="Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()[t[1] - 1]
        )
    )(ymd(low, high))


def hp(form: str) -> Make:
    return lambda: form.format(a=R.randint(2000, 9999), b=d("####"), c=R.randint(200, 999))


def wide(text: str) -> str:
    return "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)


def card() -> str:
    body = R.choice(["4", "52", "9445", "3560"]) + d("##############")
    body = body[:15]
    total = sum(int(c) if i % 2 else (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(c)] for i, c in enumerate(reversed(body)))
    return body + str(-total % 10)


def tax_de() -> str:
    b = str(R.randint(1, 9)) + d("#########")
    p = 10
    for c in b:
        s = (int(c) + p) % 10 or 10
        p = s * 2 % 11
    return b + str((11 - p) % 10)


def imei() -> str:
    body = "35" + d("############")
    total = sum(int(c) if i % 2 else (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)[int(c)] for i, c in enumerate(reversed(body)))
    return body + str(-total % 10)


GU = "서울 마포구 양화로,서울특별시 노원구 동일로,경기 수원시 팔달구 정조로,강원특별자치도 춘천시 영서로,경남 창원시 의창구 원이대로,대전 서구 둔산중로,전남 여수시 좌수영로,울산광역시 남구 삼산로,충북 청주시 상당구 상당로".split(
    ","
)
DONG = "마포구 서교동,수원시 인계동,창원시 용호동,여수시 학동,청주시 용암동,강남구 논현동,송파구 잠실동".split(",")
TEXTS = "문 앞에 놓아 주세요,공동현관 비밀번호 없음,교환 요청드립니다 사이즈 {n},재입고 문의,지난번 주문 {n} 건 환불 언제 되나요,Please leave at reception,Delivery window {n} missed,색상이 화면과 달라요,선물 포장 부탁드려요,배송 기사님께 전달 바랍니다,ticket #{n} merged,오늘 {m}시 이후 수령 가능".split(
    ","
)


def say() -> str:
    return R.choice(TEXTS).format(n=R.randint(100, 99999), m=R.randint(1, 9)) + R.choice(["", ".", "~", " 감사합니다", "!!"])


def note(inside: Make, rate: float, lead: str) -> Make:
    return lambda: lead.format(x=inside(), t=say()) if R.random() < rate else say()


def j(make: Callable[[], Any]) -> Make:
    return lambda: json.dumps(make(), ensure_ascii=False)


def kinds() -> list[tuple[str | None, str, Make, str, str, str]]:
    """(class, form, make, column names, declared kind, flags): n never nameless, p, t table of people or things, s few rows."""
    return [
        ("PERSON", "typed", ko, "mbrNm,성함,guardian,acct_holder,depositor_nm,담당,PIC,kunde_name", "text", "p"),
        ("PERSON", "typed", lambda: R.choice(FOREIGN) if R.random() < 0.15 else ko(), "emp_name,이름,rcver,수령인", "text", "p"),
        ("PERSON", "typed", lambda: (lambda n: n[0] + " " + n[1:])(ko()), "member,한글이름,ORDERER", "text", "p"),
        ("PERSON", "typed", lambda: ko() + R.choice(["", "", "고객님", "(모)", "A", " 외 1명"]), "rcpt_nm,ord_psn,보내는분", "text", "p"),
        ("PERSON", "typed", lambda: R.choice(LATIN), "name,holder,KontaktName,apellidos_nombre,nom_client", "text", "p"),
        ("PERSON", "typed", lambda: R.choice(LATIN).upper(), "CARDHOLDER,PAX_NAME", "text", "p"),
        ("PERSON", "typed", lambda: (lambda n: f"{n[0][0]}. {n[-1]}")(R.choice(LATIN).split()), "signer,contact_nm", "text", "pn"),
        ("PHONE_NUMBER", "typed", any_(hp("010.{a}.{b}"), hp("010 {a} {b}"), hp("010-{a}-{b}"), hp("010{a}{b}")), "연락처1,mobile,hpno1,rcvHp", "text", ""),
        ("PHONE_NUMBER", "typed", lambda: wide(hp("010-{a}-{b}")()), "전화번호,tel", "text", ""),
        ("PHONE_NUMBER", "typed", hp("010–{a}–{b}"), "cell,핸드폰", "text", ""),
        ("PHONE_NUMBER", "typed", hp("10{a}{b}.0"), "phone,hp", "number", ""),
        ("PHONE_NUMBER", "typed", any_(hp("010-{a}-{b}"), hp("02-{c}-{b}"), lambda: "-"), "tel1,contact,전화", "text", ""),
        ("PHONE_NUMBER", "typed", hp("010-{a}-{b} / 02-{c}-{b}"), "phones,연락처들", "text", ""),
        ("PHONE_NUMBER", "typed", f("02#######9", "031#######", "0511234###", "0536######"), "home_tel,유선번호,telno", "text", "n"),
        ("PHONE_NUMBER", "typed", f("(415) 5##-#### x##", "(212) 6##-####", "646-7##-####"), "day_phone,telefono", "text", ""),
        ("PHONE_NUMBER", "typed", f("+49 (0)30 #######", "0049 151 ########", "+33 6 ## ## ## ##", "+44 7### ######"), "telefon,mobil,tel_portable", "text", ""),
        ("EMAIL_ADDRESS", "typed", mail, "correo,mail_1,e_mail,메일주소", "text", ""),
        ("EMAIL_ADDRESS", "typed", lambda: f"{R.choice(LATIN)} <{mail()}>", "from_addr,sender_mail", "text", "n"),
        ("KR_RRN", "typed", lambda: rrn(R.choice(["-", " ", ""])), "주민,rsdn_regno,jumin_bunho,ssn_no", "text", ""),
        ("KR_RRN", "typed", lambda: rrn("–"), "주민번호,reg_num", "text", ""),
        ("KR_RRN", "typed", lambda: wide(rrn("-")), "jumin,주민등록 번호", "text", ""),
        ("KR_RRN", "typed", lambda: rrn("-", "5678") if R.random() < 0.08 else rrn("-"), "resident_registration_no,고유식별", "text", ""),
        ("KR_RRN", "typed", lambda: str(R.randint(1, 4)) + d("######"), "jumin2,주민번호뒷자리", "text", "n"),
        ("KR_FRN", "typed", lambda: rrn("", "5678"), "alien_regno,외국인등록", "text", ""),
        ("KR_PASSPORT", "typed", f("M###@####", "m########", "S########"), "여권번호,pp_no,passport_num", "text", "n"),
        ("KR_DRIVER_LICENSE", "typed", lambda: R.choice(["서울", "경기", "부산", "인천"]) + d(" ##-######-##"), "면허번호,drv_lcns", "text", ""),
        ("KR_DRIVER_LICENSE", "typed", lambda: d("1#") .replace("10", "11") + d("##########"), "운전면허,driver_license", "text", "n"),
        ("CREDIT_CARD", "typed", any_(card, lambda: (lambda c: " ".join([c[:4], c[4:8], c[8:12], c[12:]]))(card())), "crdNo,결제카드번호,kreditkarte,pay_card", "text", ""),
        ("BANK_ACCOUNT", "typed", f("우리 1002-###-######", "농협 302-####-####-##", "기업은행 ###-######-##-###", "국민 ######-##-######"), "환불계좌,acct,payout", "text", ""),
        ("BANK_ACCOUNT", "typed", f("###-##-######", "######-##-######", "3333##-##-#######".replace("##-", "-", 1)), "계좌,bank_account_number,acnt_no", "text", "n"),
        ("ADDRESS", "typed", lambda: f"({d('#####')}) {R.choice(GU)} {R.randint(1, 300)}{R.choice(['', '-' + d('#')])}, {R.randint(101, 115)}동 {R.randint(1, 20)}0{R.randint(1, 6)}호", "배송주소,adr_full,recv_addr", "text", ""),
        ("ADDRESS", "typed", lambda: f"{R.choice(DONG)} {R.randint(1, 900)}-{R.randint(1, 40)}{R.choice(['번지', '', ' 3층'])}", "지번,addr_old,집주소", "text", ""),
        ("ADDRESS", "typed", lambda: f"{R.randint(1, 99)}, {R.choice(['Yanghwa-ro', 'Jeongjo-ro 12beon-gil', 'Dunsanjung-ro'])}, {R.choice(['Mapo-gu, Seoul', 'Suwon-si, Gyeonggi-do', 'Seo-gu, Daejeon'])}", "eng_addr,address_en", "text", ""),
        ("ADDRESS", "typed", lambda: R.choice(["A동 {}호", "행신마을 {}동", "{}호 (벨 누르지 마세요)", "그린빌 B{}호", "지층 {}호"]).format(R.randint(101, 1904)), "addr3,나머지 주소,dong_ho", "text", "pn"),
        ("ADDRESS", "typed", lambda: R.choice(["Flat {n}, {m} Kingsley Road, Leeds LS6 {n}AB", "{m} Rosewood Crescent, Bath BA1 {n}PQ", "Lindenallee {m}, 5{n}123 Köln", "{m} rue des Lilas, 7500{n} Paris", "Calle Mayor {m}, 2{n}001 Madrid", "PO Box {m}{n}, Austin TX 787{n}1"]).format(n=R.randint(1, 9), m=R.randint(1, 180)), "anschrift,adresse,direccion,ship_to_addr", "text", ""),
        ("DATE_OF_BIRTH", "typed", when("{y}년 {m}월 {d}일"), "출생,birth_txt", "text", "p"),
        ("DATE_OF_BIRTH", "typed", when("{d:02d} {n} {y}"), "dob,geb_datum,fecha_nac", "text", "pn"),
        ("DATE_OF_BIRTH", "typed", when("{s:02d}.{m:02d}.{d:02d}"), "brthDt,생일", "text", "pn"),
        ("DATE_OF_BIRTH", "typed", when("{y}{m:02d}{d:02d}"), "bday,birthymd", "integer", "p"),
        ("DATE_OF_BIRTH", "typed", when("{y}-{m:02d}-{d:02d} 00:00:00"), "birth_at,생년월일시", "time", "p"),
        ("VEHICLE_PLATE", "typed", lambda: R.choice(["서울 ", "", "경기"]) + d("##") + R.choice("가나다라마거너더러") + " " + d("####"), "차번호,car_reg_no,plate", "text", ""),
        ("IP_ADDRESS", "typed", lambda: f"{R.randint(11, 223)}.{R.randint(0, 255)}.{R.randint(0, 255)}.{R.randint(1, 254)}:{R.randint(1024, 65000)}", "peer,client_addr,접속지", "text", ""),
        ("US_SSN", "typed", lambda: f"{R.randint(1, 665):03d}{R.randint(1, 99):02d}{R.randint(1, 9999):04d}", "ssn,social_security", "text", "n"),
        ("UK_NINO", "typed", lambda: d(R.choice(["ab", "jm", "pw"]) + " ## ## ## ") + R.choice("abcd"), "nino,nat_ins_no", "text", ""),
        ("DE_TAX_ID", "typed", tax_de, "steuer_id,idnr", "text", "n"),
        ("ES_NIF", "typed", lambda: (lambda n: f"{n:08d}{'TRWAGMYFPDXBNJZSQVHLCKE'[n % 23]}")(R.randint(1, 99_999_999)), "dni,nif_cliente", "text", ""),
        ("LOGIN_ID", "typed", user, "login,webId,usr_login_id,접속아이디", "text", "np"),
        ("LOGIN_ID", "typed", w("달빛고양이,커피중독자,빵순이,초코송이,여행자77,밤도깨비,콩이맘,서초동불주먹,라떼한잔,구름이네,은하철도,감자도리,하늘별,슈크림,토깽이"), "닉네임,nickname", "text", "np"),
        ("DEVICE_ID", "typed", imei, "imei,단말기번호", "text", ""),
        ("DEVICE_ID", "typed", lambda: d("%%:%%:%%:%%:%%:%%"), "wifi_mac,mac", "text", ""),
        ("GEO", "typed", lambda: f"{R.uniform(33.1, 38.5):.5f},{R.uniform(126, 129.5):.5f}", "last_pos,위치", "text", "p"),
        ("GENDER", "quasi", w("F,M,U"), "sex_cd,geschlecht", "text", "pn"),
        ("POSTCODE", "quasi", f("0####", "1####", "4####"), "plz,zipcd,우편", "text", "n"),
        ("AGE", "quasi", w("20대,30대,40대,50대,60대 이상,10대"), "연령대,age_band", "text", "np"),
        ("PERSON", "masked", lambda: (lambda n: n[:-1] + "*")(ko()), "고객명,nm", "text", ""),
        ("PERSON", "masked", lambda: (lambda n: n[0] + "○" * (len(n) - 1))(ko()), "name_view,예금주", "text", ""),
        ("PHONE_NUMBER", "masked", hp("010****{b}"), "tel_disp,phone", "text", ""),
        ("PHONE_NUMBER", "masked", hp("010-{a}-****"), "hp_msk,contact_masked", "text", ""),
        ("EMAIL_ADDRESS", "masked", lambda: (lambda m: m[0] + "****@" + m.split("@")[1][0] + "***.com")(mail()), "email_disp,메일", "text", ""),
        ("KR_RRN", "masked", lambda: rrn("")[:7] + "******", "jumin_disp,주민번호", "text", ""),
        ("BANK_ACCOUNT", "masked", f("1002-***-***###", "110-***-****##"), "acct_mask,계좌번호", "text", ""),
        ("CREDIT_CARD", "masked", f("****-****-****-####", "####-##**-****-####"), "card_disp,카드", "text", "n"),
        ("EMAIL_ADDRESS", "masked", lambda: "$2b$12$" + "".join(R.choice(string.ascii_letters + string.digits + "./") for _ in range(53)), "email_hash,mail_bcrypt", "text", "n"),
        ("CREDIT_CARD", "masked", lambda: "tok_" + "".join(R.choice(string.ascii_letters + string.digits) for _ in range(24)), "card_token,pan_tkn", "text", "n"),
        ("KR_RRN", "masked", lambda: hashlib.sha1(R.randbytes(9)).hexdigest(), "rrn_hash,주민번호_암호화", "text", "n"),
        ("PHONE_NUMBER", "embedded", note(hp("010-{a}-{b}"), 0.05, "{t} {x} 부탁"), "req_msg,접수내용,free_txt", "text", ""),
        ("PHONE_NUMBER", "embedded", lambda: f"act=view;uid={R.randint(1, 9999)};tel=010-{R.randint(2000, 9999)}-{d('####')};rc=0", "raw_log,trace_line", "text", ""),
        ("PHONE_NUMBER", "embedded", lambda: f"<o><n>{R.randint(1, 99)}</n><tel>010{R.randint(2000, 9999)}{d('####')}</tel></o>", "xml_body,전문", "text", ""),
        ("PHONE_NUMBER", "embedded", lambda: f"{ko()}|{hp('010-{a}-{b}')()}|{R.choice(GU)} {R.randint(1, 99)}|문앞", "row_dump,line", "text", ""),
        ("EMAIL_ADDRESS", "embedded", note(mail, 0.05, "{t} 회신은 {x}"), "문의,q_body", "text", ""),
        ("ADDRESS", "embedded", note(lambda: f"{R.choice(GU)} {R.randint(1, 99)}", 0.06, "{t} 주소 변경: {x} 입니다"), "요청,chg_memo", "text", ""),
        ("BANK_ACCOUNT", "embedded", note(f("110-###-######", "1002-###-######"), 0.06, "{t} 환불 계좌 {x} 입니다"), "refund_memo,반품사유", "text", ""),
        ("CREDIT_CARD", "embedded", note(lambda: (lambda c: "-".join([c[:4], c[4:8], c[8:12], c[12:]]))(card()), 0.06, "{t} card {x} declined"), "pg_msg,승인메모", "text", ""),
        ("PHONE_NUMBER", "embedded", j(lambda: {"o": {"items": [{"sku": d("######")}], "receiver": {"nm": ko(), "tel": hp("010{a}{b}")()}}}), "doc,order_json", "json", ""),
        ("EMAIL_ADDRESS", "embedded", j(lambda: [mail() for _ in range(R.randint(1, 3))]), "cc_list,mails", "array", ""),
        # not personal
        (None, "", say, "memo,remark,req_msg,후기", "text", ""),
        (None, "", w("김가네,박대감,이삭,조마루,장충동,한촌,오복,신전,남도,백미당,원할머니,고래사,정관장,임금님,강촌,배떡,노랑,지코바,유가네,하남,서가,안동"), "프랜차이즈,brand_nm,shop_alias", "text", "t"),
        (None, "", w("강낭콩,고들빼기,이유식,박하사탕,조기,방어,정어리,한라봉,오미자,서리태,장아찌,임연수,신선초,유부,남해마늘,문어,민들레,배추,백김치,송편,안심,우무,주꾸미,차조,하몽,현미,호두,황태"), "식품,품명,menu,goods", "text", "t"),
        (None, "", w("Jackson,Madison,Lincoln,Houston,Austin,Charlotte,Victoria,Florence,Carson,Logan,Troy,Kent,Chester,Douglas,Vernon"), "city,dest_city,town", "text", "t"),
        (None, "", w("강남역,이수역,정자역,오리역,신촌역,장지역,한남역,마곡나루,남성역,구의역,길음,방배,사당"), "station,역명", "text", "t"),
        (None, "", w("Harper Collins,Morgan Stanley,Johnson & Johnson,Warner Bros,Ralph Lauren,Calvin Klein,Tiffany & Co,Ben & Jerry's,Jack Daniel's,Ferrero,Estee Lauder,Procter & Gamble"), "brand,publisher,maker_name", "text", "t"),
        (None, "", w("하늘색,민트,진회색,연분홍,남색,황토색,은색,오렌지,카키,자주"), "색상,opt1,color_nm", "text", "t"),
        (None, "", w("수석연구원,주임,과장,대리,팀장,사원,이사,부장,상무"), "직급,title_nm", "text", ""),
        (None, "", f("20260#1#-1######", "20251#0#-3######"), "주문번호,ord_key", "text", ""),
        (None, "", lambda: f"{R.randint(20, 26)}{R.randint(1, 12):02d}{R.randint(1, 28):02d}{R.randint(1, 2)}{R.randint(0, 99999):06d}", "trNo,거래번호,seq13", "text", ""),
        (None, "", lambda: f"1026{R.randint(1, 12):02d}{R.randint(1, 28):02d}{R.randint(0, 99):02d}", "ord_seq,접수번호", "integer", ""),
        (None, "", lambda: str(1_030_000_000 + R.randint(0, 200_000)), "row_id,회차", "integer", ""),
        (None, "", lambda: f"20{R.randint(18, 26)}{R.randint(1, 12):02d}{R.randint(1, 28):02d}{R.randint(0, 23):02d}{R.randint(0, 59):02d}{R.randint(0, 59):02d}", "crt_dtm,처리일시", "text", ""),
        (None, "", lambda: str(R.randint(1_500_000_000, 1_800_000_000)), "epoch,upd_ts", "integer", ""),
        (None, "", lambda: str(R.randint(43000, 46500)), "excel_dt,julian", "integer", ""),
        (None, "", when("{y}-{m:02d}-{d:02d}", 1995, 2026), "release_date,개봉일,founded", "date", "t"),
        (None, "", when("{y}{m:02d}{d:02d}", 2026, 2033), "exp_ymd,만료일", "text", ""),
        (None, "", lambda: str(R.randint(1970, 2026)), "model_year,출시연도", "integer", "t"),
        (None, "", f("M#######9", "M########"), "meter_no,설비번호", "text", "tn"),
        (None, "", f("110-20-3##", "410-10-1##", "520-30-0##"), "gl_acct_cd,계정과목", "text", "n"),
        (None, "", f("KR-######-#", "LOT######-#"), "batch,lot_no,로트", "text", ""),
        (None, "", f("978##########"), "isbn13,도서코드", "text", "t"),
        (None, "", f("####-####-####-####-##"), "license_key,쿠폰", "text", ""),
        (None, "", f("@@##-@@##-@@##"), "promo_code,초대코드", "text", ""),
        (None, "", w("1588-1234,1577-0000,1644-8899,1800-1234"), "cs_center_tel,고객센터", "text", "tn"),
        (None, "", lambda: f"{R.randint(1, 999)},{R.randint(0, 999):03d}", "공급가,price_txt", "text", ""),
        (None, "", lambda: f"{R.randint(1, 9)}.{R.randint(0, 20)}.{R.randint(0, 5)}.{R.randint(0, 999)}", "sw_ver,펌웨어", "text", ""),
        (None, "", lambda: f"192.168.{R.randint(0, 9)}.{R.randint(1, 254)}", "host_ip,장비IP,srv_addr", "text", "tn"),
        (None, "", lambda: d("#") + R.choice(["x", "*"]) + d("##cm"), "dim,규격", "text", "t"),
        (None, "", lambda: "#" + d("%%%%%%"), "hex_color,theme", "text", ""),
        (None, "", lambda: d("%%%%%%%%-%%%%-4%%%-a%%%-%%%%%%%%%%%%"), "evt_uuid,guid", "text", ""),
        (None, "", lambda: hashlib.sha256(R.randbytes(8)).hexdigest(), "content_hash,blob_sha", "text", ""),
        (None, "", lambda: f"s3://bucket/{R.randint(2020, 2026)}/{d('%%%%%%%%')}.parquet", "path,obj_key", "text", ""),
        (None, "", lambda: R.choice(GU) + f" {R.randint(1, 300)}", "매장주소,branch_addr,wh_address", "text", "tn"),
        (None, "", w("Y,N"), "birthday_coupon_yn,email_rcv_yn,주소인증여부", "text", ""),
        (None, "", lambda: str(R.randint(0, 40)), "email_cnt,tel_len,name_length", "integer", ""),
        (None, "", w("01,02,03,99"), "addr_cd,card_co_cd,tel_div", "text", ""),
        (None, "", w("남부,북부,동부,서부,중앙"), "권역,zone", "text", ""),
        (None, "", j(lambda: {"lat_ms": R.randint(1, 900), "ok": True, "code": d("##########")}), "meta,resp_json", "json", ""),
        (None, "", lambda: f"GET /api/v2/items/{d('########')} 200 {R.randint(1, 900)}ms", "access_line,req_log", "text", ""),
        (None, "", lambda: f"{R.uniform(-5, 5):.4f}", "z_score,embedding_0", "number", ""),
        (None, "", lambda: f"{R.randint(0, 23):02d}:{R.randint(0, 59):02d}", "open_tm,출근시각", "text", ""),
        (None, "", f("##########", "#########"), "vendor_item_cd,재고코드", "text", ""),
        (None, "", lambda: str(R.randint(1, 99_999)), "member_id,cust_seq,회원일련번호", "integer", "p"),
        (None, "", lambda: f"U{R.randint(1, 999_999):06d}", "user_id,mbr_key", "text", "p"),
    ]  # fmt: skip


def main() -> None:
    """Tables of 7 to 14 columns each; a third of them named by nothing but numbers."""
    seed, tables, rows = (int(x) for x in sys.argv[1:4])
    R.seed(f"traps-{seed}")
    every = kinds()
    sorts = {
        "p": "clients,TB_USR,member_mst,고객정보,passengers,kunden",
        "t": "store_mst,catalogue,TB_GOODS,설비,sku_info,server_list",
        "": "ord_dtl,배송이력,claims,history_2026,TMP_01,stg_load",
    }
    for number in range(tables):
        sort = R.choice(list(sorts))
        fitting = [x for x in every if not ("p" in x[5] and sort != "p") and not ("t" in x[5] and sort != "t")]
        # what a store or a server has of its own is not mixed with people's columns under bare names
        if sort == "t":
            fitting = [
                x
                for x in fitting
                if x[0] is None or x[1] in ("masked", "embedded") or x[0] in ("KR_BRN", "PHONE_NUMBER", "EMAIL_ADDRESS")
            ]
        chosen = R.sample(fitting, R.randint(7, 14))
        table = f"{R.choice(sorts[sort].split(','))}_{number}"
        nameless = R.random() < 0.33
        for i, (entity, form, make, names, kind, flags) in enumerate(chosen):
            name = R.choice(names.split(","))
            if nameless and "n" not in flags:
                name = R.choice(["c{}", "col{:02d}", "attr_{}", "val{}", "항목{}"]).format(i + 1)
            elif R.random() < 0.15:
                name = name.upper()
            n = max(500, rows) if form == "embedded" or make is say else R.choice([15, 40, rows, rows * 3])
            empty = R.choice([0.0, 0.02, 0.4])
            values = [None if R.random() < empty else make() for _ in range(n)]
            print(
                json.dumps(
                    {"table": table, "column": name, "kind": kind, "values": values, "pii_class": entity, "form": form},
                    ensure_ascii=False,
                )
            )


if __name__ == "__main__":
    main()
