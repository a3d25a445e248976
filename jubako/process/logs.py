"""Log lines, as JSON by default: time, level, service, logger, message, and the trace if there is one."""

from __future__ import annotations

import logging
import time

import orjson

from jubako.compat import bentoml, uvicorn
from jubako.settings import LoggingSettings


class JsonLines(logging.Formatter):
    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = service

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "service": self._service,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("request_id", "request_ids", "trace_id", "key", "model", "path", "status", "milliseconds"):
            if (value := record.__dict__.get(name)) is not None:
                line[name] = value
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return orjson.dumps(line, default=str).decode()


def configure(settings: LoggingSettings, service: str) -> None:
    """Sets the format and level of this worker's handlers. BentoML made them; they write where they wrote."""
    level = getattr(logging, settings.level.upper())
    logging.getLogger("jubako").setLevel(level)
    uvicorn.silence_access_log()
    if settings.format == "json":
        formatter = JsonLines(service)
        for name in (None, "bentoml", uvicorn.ERRORS):
            for handler in logging.getLogger(name).handlers:
                handler.setFormatter(formatter)
                bentoml.remove_trace_filter(handler)
