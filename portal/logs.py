"""Log lines are an event and its ids: `run.started run=12 system=3`."""

import logging

_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "ids", "taskName"}
_SHOWN = (str, int, float, bool)


class AddIds(logging.Filter):
    """Appends what a caller gave as `extra` to the line, plain values only."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Set `record.ids`; every record passes."""
        extra = {key: value for key, value in record.__dict__.items() if key not in _STANDARD and isinstance(value, _SHOWN)}
        ours = record.name.split(".")[0] in {"portal", "clients", "maintenance", "backups", "monitoring", "handover"}
        record.ids = "".join(f" {key}={value}" for key, value in extra.items()) if ours else ""
        return True
