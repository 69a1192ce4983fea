"""Identifiers of a person's device: advertising ids, IMEI (Luhn), MAC addresses, push tokens."""

from __future__ import annotations

from scanner.catalog.recognizers.base import NUMERIC_TOO, Pattern, Recognizer, TypeKind, luhn, tokens, words

recognizer = Recognizer(
    entity="DEVICE_ID",
    title="device identifier",
    patterns=(
        Pattern(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}", 7.0),
        Pattern(r"(?:01|35|86|99)[0-9]{13}", 5.0, luhn),
        Pattern(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}", 0.5),
        Pattern(r"[A-Za-z0-9_-]{20,24}:APA91[A-Za-z0-9_-]{100,200}", 9.0),
    ),
    loose=r"[0-9A-Za-z:_.-]{8,250}",
    words=words(
        strong="""
        device id, deviceid, dvc id, device uuid, device token, push token, adid, idfa, gaid, idfv, aaid, imei, imsi,
        udid, android id, mac, mac addr, mac address, macaddr, fcm token, device key, duid, device no, ad id,
        advertising id, uicc, iccid, 단말기id, 기기id, 단말번호, 기기번호, 단말기번호, 광고식별자, 기기식별자
        """,
        weak="dvc, device, terminal id, push id, 단말기, 기기",
    ),
    negative=tokens("type model os name nm version ver brand cd code 모델 종류 명"),
    kinds=NUMERIC_TOO | {TypeKind.UUID, TypeKind.MAC},
    lengths=(8, 260),
    sensitivity=2,
)
