"""Reports of mail servers as they come, in the form of RFC 3464: with the mail that came back, its headers, or none."""

ATTEMPT = "0a1b2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d"
HEADERS = "From: Elm Clinic <visits@elm.example>\r\nTo: ana@patient.example\r\nSubject: Your appointment\r\n"


def report(
    action: str = "failed",
    status: str = "5.1.1",
    said: str = "smtp; 550 5.1.1 <ana@patient.example>: Recipient address rejected: User unknown",
    *,
    to: str = f"bounces+{ATTEMPT}@elm.example",
    message_id: str = f"<{ATTEMPT}@elm.example>",
    returned: str = "message/rfc822",
    extra: str = "",
) -> bytes:
    """A report about one email; ``returned`` is the form in which the email came back, "" for not at all."""
    words = "Content-Type: text/plain; charset=us-ascii\r\n\r\nYour message could not be delivered.\r\n"
    status_part = (
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.elm.example\r\n"
        "Arrival-Date: Mon, 1 Jun 2026 16:11:00 +0000\r\n"
        f"{extra}\r\nFinal-Recipient: rfc822; ana@patient.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: {said}\r\n"
    )
    parts = [words, status_part]
    if returned:
        parts.append(f"Content-Type: {returned}\r\n\r\n{HEADERS}Message-ID: {message_id}\r\n\r\nTuesday\r\n")
    body = "".join(f"--edge\r\n{part}\r\n" for part in parts)
    return (
        f"Return-Path: <>\r\nFrom: MAILER-DAEMON@mx.elm.example\r\nTo: {to}\r\nSubject: Undelivered Mail\r\n"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="edge"\r\n\r\n'
        f"{body}--edge--\r\n"
    ).encode()
