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
        record.ids = "".join(f" {key}={one_line(value)}" for key, value in extra.items()) if ours else ""
        if isinstance(record.msg, str):
            # what a stranger sent (an address, a header) makes no lines of its own and no colours on a terminal
            record.msg = one_line(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(one_line(value) if isinstance(value, str) else value for value in record.args)
        return True


def one_line(value: object) -> str:
    """A value as text without line ends, terminal escapes and other control characters."""
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in str(value))
