"""Writing some columns of many rows in one statement: Django's bulk_update spends milliseconds of Python on each row."""

from collections.abc import Sequence
from typing import Any

from django.db import connection, models


def write(rows: Sequence[models.Model], fields: Sequence[str]) -> None:
    """Write these fields (plain columns, no arrays) of rows that exist already, all of one model.

    As one `UPDATE … FROM unnest(…)`; triggers and constraints see one statement.
    """
    if not rows:
        return
    table = rows[0]._meta  # noqa: SLF001  # public by its documentation (Model _meta API)
    key = table.pk
    columns: list[models.Field[Any, Any]] = [key, *(field for field in table.concrete_fields if field.name in fields)]
    quoted = [connection.ops.quote_name(str(column.column)) for column in columns]
    types = [key.rel_db_type(connection), *(column.cast_db_type(connection) for column in columns[1:])]
    values = [[column.get_db_prep_save(getattr(row, column.attname), connection) for row in rows] for column in columns]
    arrays = ", ".join(f"%s::{kind}[]" for kind in types)
    sets = ", ".join(f"{name} = given.{name}" for name in quoted[1:])
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {connection.ops.quote_name(table.db_table)} AS kept SET {sets} "  # noqa: S608  # names of our own columns
            f"FROM unnest({arrays}) AS given ({', '.join(quoted)}) WHERE kept.{quoted[0]} = given.{quoted[0]}",
            values,
        )
