"""A column's value is among many: one statement for any number of them.

SQLAlchemy's `in_` writes a mark for each value and so a statement for each number of them, which
takes longer to put together, and to prepare, than to run.
"""

from typing import Any, Self

from sqlalchemy import ARRAY, JSON, BigInteger, Boolean, ColumnElement, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.sql.operators import OperatorType

_NUMBERS = JSON().with_variant(ARRAY(BigInteger), "postgresql")


class among(FunctionElement[bool]):  # noqa: N801 -- called like SQLAlchemy's own functions
    """Whether a column of whole numbers has one of those that a parameter lists."""

    type = Boolean()
    inherit_cache = True

    def __init__(self, column: ColumnElement[Any], parameter: str) -> None:
        super().__init__(column, bindparam(parameter, type_=_NUMBERS))

    def self_group(self, against: OperatorType | None = None) -> Self:  # noqa: ARG002 -- SQLAlchemy's signature
        """Stay as it is: SQLAlchemy would write `= 1` behind it, and SQLite use no index then."""
        return self


def _parts(element: among, compiler: SQLCompiler) -> list[str]:
    return [compiler.process(clause) for clause in element.clauses]


@compiles(among, "sqlite")
def _in_sqlite(element: among, compiler: SQLCompiler, **_: object) -> str:
    column, values = _parts(element, compiler)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 -- names and marks of our own


@compiles(among, "postgresql")
def _in_postgresql(element: among, compiler: SQLCompiler, **_: object) -> str:
    column, values = _parts(element, compiler)
    return f"{column} = ANY({values})"
