"""One message through one channel. Everything that can go wrong is a :class:`NotifyError` that names no secret."""

from __future__ import annotations

import json
import smtplib
import socket
import ssl
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime

from scanner.config_notify import Channel
from scanner.errors import NotifyError
from scanner.notify import web
from scanner.notify.message import Message, clean

_SMTP_PORTS = {"tls": 465, "starttls": 587, "off": 25}
_SYSLOG_PORTS = {"tls": 6514, "tcp": 601, "udp": 514}
_FACILITY_AUTHPRIV = 10
_SYSLOG_SEVERITY = {"informational": 6, "low": 5, "medium": 4, "high": 3, "critical": 2}  # RFC 5424, table 2
_LONGEST_DATAGRAM = 8 * 1024  # what collectors take; larger messages need tcp or tls


def send(channel: Channel, message: Message) -> None:
    """Hand ``message`` over. Raises :class:`NotifyError`."""
    _SENDERS[channel.type](channel, message)


def _email(channel: Channel, message: Message) -> None:
    """SMTP (RFC 5321) with STARTTLS unless told otherwise; a server that does not offer it is refused."""
    mail = EmailMessage()
    mail["From"], mail["To"] = channel.from_, ", ".join(channel.to)
    mail["Subject"] = message.subject
    mail["Date"] = format_datetime(datetime.now(UTC))
    mail["Message-ID"] = f"<{message.id}@vendorwatch>"  # the same at every attempt: a mailbox can tell repetitions
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail.set_content(message.text)
    tls = channel.tls or "starttls"
    port = channel.port or _SMTP_PORTS[tls]
    where = f"{channel.host}:{port}"
    try:
        context = ssl.create_default_context()
        server = (
            smtplib.SMTP_SSL(channel.host, port, timeout=channel.timeout, context=context)
            if tls == "tls"
            else smtplib.SMTP(channel.host, port, timeout=channel.timeout)
        )
        with server:
            if tls == "starttls":
                server.starttls(context=context)
            if channel.password is not None:
                server.login(channel.user or str(channel.from_), channel.password.get_secret_value())
            refused = server.send_message(mail)
    except smtplib.SMTPNotSupportedError:
        raise NotifyError(f"{where} offers no {tls}", "set `tls` to what the server has; `off` sends in the clear") from None
    except smtplib.SMTPRecipientsRefused as error:
        codes = ", ".join(sorted({str(code) for code, _ in error.recipients.values()}))
        raise NotifyError(f"{where} refused every recipient ({codes})", "check `to`") from None
    except smtplib.SMTPResponseException as error:
        raise NotifyError(f"{where} answered {error.smtp_code}", "see the mail server's log") from None
    except (OSError, smtplib.SMTPException) as error:
        reason = "took too long" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        raise NotifyError(f"{where}: {clean(reason)}", "see whether it is up and reachable from here") from None
    if refused:
        raise NotifyError(f"{where} refused {len(refused)} of {len(channel.to)} recipients", "check `to`")


def _webhook(channel: Channel, message: Message) -> None:
    """Standard Webhooks 1.0: the signature is over ``{id}.{timestamp}.{payload}``."""
    from standardwebhooks import Webhook

    assert channel.url is not None
    assert channel.secret is not None
    now = datetime.now(UTC)
    body = json.dumps({**message.data, "timestamp": now.isoformat()}, ensure_ascii=False, separators=(",", ":"))
    headers = {
        "Content-Type": "application/json",
        "webhook-id": f"msg_{message.id}",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(channel.secret.get_secret_value()).sign(f"msg_{message.id}", now, body),
    }
    web.post(channel.url.get_secret_value(), body.encode(), headers, allow=channel.allow, timeout=channel.timeout)


def _slack(channel: Channel, message: Message) -> None:
    """Slack's incoming webhooks, which Mattermost, Rocket.Chat and others take too. Nothing in the text is markup."""
    assert channel.url is not None
    text = f"{message.subject}\n{message.text}".replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body = json.dumps({"text": text, "mrkdwn": False}, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8"}
    web.post(channel.url.get_secret_value(), body, headers, allow=channel.allow, timeout=channel.timeout)


def _syslog(channel: Channel, message: Message) -> None:
    """RFC 5424, one OCSF Detection Finding a line of JSON; over TCP and TLS with octet counting (RFC 6587, RFC 5425)."""
    port = channel.port or _SYSLOG_PORTS[channel.protocol]
    where = f"{channel.protocol}://{channel.host}:{port}"
    frames = [_frame(document, message.id) for document in message.data.get("ocsf") or ()]
    try:
        if channel.protocol == "udp":
            _datagrams(channel.host, port, frames)
            return
        with socket.create_connection((channel.host, port), channel.timeout) as plain:
            context = ssl.create_default_context() if channel.protocol == "tls" else None
            with context.wrap_socket(plain, server_hostname=channel.host) if context else plain as stream:
                for frame in frames:
                    stream.sendall(f"{len(frame)} ".encode() + frame)
    except OSError as error:
        reason = "took too long" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        raise NotifyError(f"{where}: {reason}", "see whether the collector is up and reachable from here") from None


def _datagrams(host: str, port: int, frames: list[bytes]) -> None:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
    with socket.socket(found[0][0], socket.SOCK_DGRAM) as endpoint:
        for frame in frames:
            if len(frame) > _LONGEST_DATAGRAM:
                raise NotifyError("a finding is too long for syslog over UDP", "set `protocol: tcp` or `tls`")
            endpoint.sendto(frame, found[0][4])


def _frame(document: Mapping[str, object], message_id: str) -> bytes:
    level = str(document.get("severity", "")).lower()
    priority = _FACILITY_AUTHPRIV * 8 + _SYSLOG_SEVERITY.get(level, 5)
    host = clean(socket.gethostname()).replace(" ", "-")[:255] or "-"
    stamp = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return f"<{priority}>1 {stamp} {host} vendorwatch - {message_id[:32]} - {text}".encode()


_SENDERS: Mapping[str, Callable[[Channel, Message], None]] = {
    "email": _email,
    "webhook": _webhook,
    "slack": _slack,
    "syslog": _syslog,
}
