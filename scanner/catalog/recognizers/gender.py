"""Sex or gender, as words or as codes."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Pattern, Recognizer, TypeKind, tokens, words

recognizer = Recognizer(
    entity="GENDER",
    title="gender",
    patterns=(
        Pattern(
            r"(?i:male|female|man|woman|남자|여자|남성|여성|männlich|weiblich|non-binary|divers|homme|femme|hombre|mujer|maschio|femmina|kvinna|kvinde|mand|vrouw|kobieta|mężczyzna|mies|nainen|mulher|homem|muž|žena)",
            6.0,
        ),
        Pattern(r"[남여男女]", 5.5),
        Pattern(r"[MFmf]", 3.8),
    ),
    loose=r"(?i:[mfuxonw]|[0-9]|남성?|여성?|남자|여자|male|female|unknown|other|기타|미상|divers|[a-z]{1,2}[0-9]{0,2}"
    r"|(?:herr|frau|mr|mrs|ms|miss|mx|mme|mlle|madame|monsieur|m|sr|sra|srta|sig|sig\.ra|signora?|pan|pani|dhr|mevr|mw|homme"
    r"|femme|hombre|mujer|maschio|femmina|uomo|donna|mann|vrouw|mężczyzna|kobieta|d|h|k|w|t|n|firma)\.?)",
    words=words(
        strong="""
        gender, sex, gndr, sexdstn, gender cd, sex cd, sx cd, sx, gndr cd, gen cd, geschlecht, sexe, sexo, sesso,
        geslacht, plec, płeć, kön, kjonn, kjønn, køn, sukupuoli, pohlavi, pohlaví,
        anrede, civilite, civilité, salutation, aanhef, tratamiento, tilltal, sex div,
        sex type, gender type, 성별, 성별코드, 성별구분, 남녀
        """,
        weak="gen, genre, 성",
    ),
    negative=tokens("target product prd goods offender sexual agree 상품 대상 코드명 명"),
    kinds=NUMERIC_TOO | {TypeKind.BOOLEAN},
    lengths=(1, 12),
    digits=(0, 2),
    form="quasi",
    few_values=True,
    neighbours=0.8,
    sensitivity=1,
)
