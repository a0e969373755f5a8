"""Lists, a page at a time: on the terminal, as JSON or CSV, or into a file."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Annotated, Any

import typer

from .....domain.errors import InvalidRequest
from .....projections.columns import column_names, column_values
from .....projections.pagination import Page
from ...presentation import console as views
from ...presentation.documents import list_document
from ...presentation.history_beginning import tell_beginning
from ...presentation.search_lag import furthest_behind, warn_of_lag
from .session import Session

Limit = Annotated[int, typer.Option(min=1, max=1000, metavar="N", help="Rows of a page.")]
After = Annotated[str | None, typer.Option(metavar="CURSOR", help="The page after this cursor.")]
All = Annotated[bool, typer.Option("--all", help="All pages.")]
Out = Annotated[
    str | None,
    typer.Option("--out", metavar="FILE", help="Write to FILE.csv, .json, .jsonl or .parquet; with --all everything."),
]


class Listing:
    """One page, or all pages, in the form that the options ask for."""

    def __init__(
        self,
        kind: type[Any],
        page: Callable[[str | None], Page[Any]],
        after: str | None,
        everything: bool,
        columns: Sequence[str] = (),
    ) -> None:
        """``columns`` are the values that rows have besides their fields."""
        self._kind = kind
        self._columns = columns
        self._page = page
        self._next = after
        self._everything = everything
        self._behind: float | None = None
        self._first: Page[Any] = Page((), None)

    def answer(
        self,
        session: Session,
        as_csv: bool,
        out: str | None,
        name: str,
        show: Callable[[Any, list[Any], str | None], None],
    ) -> None:
        """Print the list, or write it to ``out``. Raises InvalidRequest for options that exclude each other."""
        if out is not None:
            if as_csv:
                raise InvalidRequest("give --csv for stdout, or --out FILE.csv, not both")
            from ....files.tables import write_rows  # and pydantic, which --help does without

            count = write_rows(out, self._kind, self._rows(), self._columns)
            written = {"file": out, "rows": count, "next": self._next}
            session.answer(written, lambda console: views.print_line(console, f"{count:,} rows in {out}"), written=out)
        elif as_csv:
            rows = [column_values(row, self._kind, self._columns) for row in self._rows()]
            names = column_names(self._kind, self._columns)
            session.print_csv(names, rows, None if self._next is None else f"--after {self._next}")
        else:
            rows = list(self._rows())
            document = list_document(name, rows, replace(self._first, next=self._next, behind=self._behind))
            session.answer(document, lambda console: show(console, rows, self._next))

    def _rows(self) -> Iterator[Any]:
        self._first = page = self._page(self._next)
        self._behind = page.behind
        yield from page
        while self._everything and page.next is not None:
            page = self._page(page.next)
            # A run that one page lacks isn't on the next page, however far that search is.
            self._behind = furthest_behind(self._behind, page.behind)
            yield from page
        self._next = page.next
        # The last page reaches back furthest.
        self._first = replace(self._first, begins=page.begins)
        warn_of_lag(self._behind)
        tell_beginning(page.begins)
