"""Runs by itself, in a process of its own: reads one sheet of the workbook on standard input and writes its rows as JSON lines.

A workbook of a few kilobytes can claim seventeen thousand million cells, and a damaged one can bring the reading library down. Here
that ends this process and nothing else: its memory and time are limited before the first byte is read.

Arguments: bytes of address space, seconds of CPU, columns at most, name of the sheet ("" takes the first visible sheet with text).
First line: {"sheets": [...], "sheet": "..."} or {"error": "password" | "broken" | "sheet" | "columns" | "memory"}. Then [number, cells].
"""

import datetime
import json
import resource
import sys
from decimal import Decimal


def main(memory: int, seconds: int, columns: int, wanted: str) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    import python_calamine  # after the limits, so that they hold for it too

    try:
        _write(python_calamine.CalamineWorkbook.from_filelike(sys.stdin.buffer), wanted, columns)
    except python_calamine.PasswordError:
        _say({"error": "password"})
    except MemoryError:
        _say({"error": "memory"})
    except BrokenPipeError:
        return
    except BaseException:  # a panic of the library is no Exception
        _say({"error": "broken"})


def _write(book: "python_calamine.CalamineWorkbook", wanted: str, columns: int) -> None:  # type: ignore[name-defined]  # noqa: F821
    import python_calamine

    sheets = [
        sheet.name
        for sheet in book.sheets_metadata
        if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
        and sheet.visible == python_calamine.SheetVisibleEnum.Visible
    ]
    chosen = None
    for name in [wanted] if wanted else sheets:
        if name not in sheets:
            break
        chosen = book.get_sheet_by_name(name)
        if chosen.start is not None:
            break
    if chosen is None:
        _say({"error": "sheet"})
        return
    if chosen.total_width > columns:
        _say({"error": "columns"})
        return
    _say({"sheets": sheets, "sheet": chosen.name})
    for number, row in enumerate(chosen.iter_rows(), start=1):  # it also gives the empty rows above
        if any(value != "" for value in row):
            _say([number, [value if type(value) is str else _text(value) for value in row]])


def _say(thing: object) -> None:
    sys.stdout.write(json.dumps(thing) + "\n")


def _text(value: object) -> str:
    """As a person would type it: whole numbers without a tail, days as 1975-01-05."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return format(Decimal(format(value, ".15g")), "f") if abs(value) < 1e30 else repr(value)
    if isinstance(value, datetime.datetime):
        midnight = value.time() == datetime.time()
        return value.date().isoformat() if midnight else value.isoformat(" ", "seconds")
    if isinstance(value, datetime.date | datetime.time):
        return value.isoformat()
    return str(value)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
    sys.stdout.flush()
