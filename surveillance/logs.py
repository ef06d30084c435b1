"""The log: who, what, when in UTC, and never whom it is about (facts: security, ASVS 16.2.5 and 16.4.1).

One form for the service's own events and for those of its libraries: JSON lines, or coloured text on a
console. What could name a patient or open a door is hidden before anything is written.
"""

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

HIDDEN: Final = "[hidden]"
_PRIVATE: Final = frozenset({"name", "phone", "email", "mrn", "token", "secret", "password", "body"})
_SECRET_PATH: Final = re.compile(r"(/(?:calendar|p)/)[^\s/?#\"'.]+")
_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(32), 127)}

# The Twilio SDK logs each request with the number and the text; the HTTP libraries log whole addresses.
_TALKATIVE: Final = ("alembic", "twilio", "urllib3", "httpx", "apscheduler", "uvicorn.access")


def configure(*, as_json: bool, level: str = "INFO") -> None:
    """Set up the logging of this process; called once by each entry point, and harmless when called again."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        hide_private,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *_rendering(as_json=as_json)],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    for library in _TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)
    # A tick that lasts longer than its interval, such as a large import, is no news; what fails is told by the worker.
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)


def _rendering(*, as_json: bool) -> list[Processor]:
    """Tracebacks come without the values of local variables: those hold patients."""
    if as_json:
        tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        return [
            structlog.processors.ExceptionRenderer(tracebacks),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ]
    return [
        structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
    ]


def hide_private(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """A structlog processor: hides private keys at any depth and the secrets in addresses, and escapes controls.

    A key is private if one of the words it is made of is: ``patient_name``, ``auth_token``, ``email``.
    """
    return {key: _safe(key, value) for key, value in event.items()}


def _safe(key: str, value: Any) -> Any:
    # Underscored keys are structlog's own (_record, _from_structlog) and never printed.
    if key.startswith("_") or key == "exc_info":
        return value
    if _PRIVATE & set(key.lower().replace("-", "_").split("_")):
        return HIDDEN
    if isinstance(value, str):
        # A line break in a value would let whoever sent it forge a line of the log.
        return _SECRET_PATH.sub(rf"\1{HIDDEN}", value).translate(_CONTROLS)
    if isinstance(value, Mapping):
        return {inner: _safe(str(inner), item) for inner, item in value.items()}
    if isinstance(value, list | tuple):
        return [_safe("", item) for item in value]
    return value
