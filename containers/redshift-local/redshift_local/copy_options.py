"""Reads COPY ... FROM 's3://...'. What isn't imitated is refused by its name."""

from __future__ import annotations

from dataclasses import dataclass, field

from redshift_local.errors import bad_statement, not_imitated
from redshift_local.grammar import AccessOptions, Format, Words, plain, unknown
from redshift_local.rewrite.tokens import closing, name_value, quote, split
from redshift_local.s3 import Access, Location

MOST_ERRORS = 100_000


@dataclass
class Copy:
    """A COPY from S3. ``table`` is a name ready for a statement; ``columns`` are empty when none were named."""

    table: str
    columns: tuple[str, ...]
    source: Location
    format: Format = "delimited"
    delimiter: str = ""
    quote: str = '"'
    escape: bool = False
    remove_quotes: bool = False
    header: int = 0
    compression: str = ""
    manifest: bool = False
    null: str = "\\N"
    blanks_as_null: bool = False
    empty_as_null: bool = False
    trim_blanks: bool = False
    truncate: bool = False
    ignore_blank_lines: bool = False
    replacement: str = ""
    date_format: str = "auto"
    time_format: str = "auto"
    max_errors: int = 0
    explicit_ids: bool = False
    json_ignore_case: bool = False
    json_paths_at: Location | None = None
    json_paths: tuple[tuple[str | int, ...], ...] = ()
    fill_record: bool = False
    access: Access = field(default_factory=Access)


def parse_copy(words: Words) -> Copy | None:
    """Return what a COPY asks for, or None if it is none from a file. Raises SqlError."""
    if words.peek() == "(":
        return None
    names = [words.take()]
    while words.skip("."):
        names.append(words.take())
    columns: tuple[str, ...] = ()
    if words.peek() == "(":
        end = closing(words.parts, words.at)
        columns = tuple(name_value(part[0]) for part in split(words.parts[words.at + 1 : end], ",") if part)
        words.at = end + 1
    if not words.skip("FROM") or words.at >= len(words.parts) or words.parts[words.at].kind != "string":
        return None
    source = words.string("FROM")
    if not source.startswith("s3://"):
        raise not_imitated(
            f"COPY FROM '{source.partition('://')[0]}://'" if "://" in source else f"COPY FROM '{source}'"
        )
    table = ".".join(quote(name_value(name)) for name in names)
    spec = Copy(table, columns, Location.of(source))
    access = AccessOptions()
    while words.at < len(words.parts):
        option = plain(words.take())
        if not access.take(option, words) and not _copy_option(spec, option, words):
            raise unknown("COPY", option, words)
    spec.access = access.done()
    if not spec.delimiter:
        spec.delimiter = "," if spec.format == "csv" else "|"
    if spec.escape and (spec.format != "delimited" or spec.remove_quotes):
        raise not_imitated("COPY with ESCAPE together with CSV, JSON, Parquet or REMOVEQUOTES")
    if spec.fill_record and spec.format in ("json", "parquet"):
        raise not_imitated(
            f"COPY with FILLRECORD of {spec.format.upper()}", "it is of delimited text and CSV"
        )
    if spec.format == "parquet" and (spec.header or spec.compression or spec.max_errors):
        raise bad_statement("COPY of Parquet takes none of IGNOREHEADER, MAXERROR and a compression")
    return spec


def _copy_option(spec: Copy, option: str, words: Words) -> bool:
    """Note one option; return False if it is none."""
    match option:
        case "FORMAT":
            words.skip("AS")
            return _copy_option(spec, plain(words.take()), words) and option == "FORMAT"
        case "CSV":
            spec.format = "csv"
        case "PARQUET":
            spec.format = "parquet"
        case "JSON":
            spec.format = "json"
            paths = words.string(option) if words.peek() == "AS" or words.is_string() else "auto"
            if paths.startswith("s3://"):
                spec.json_paths_at = Location.of(paths)
            elif paths not in ("auto", "auto ignorecase"):
                raise not_imitated(f"COPY with JSON '{paths}'", "JSON 'auto' is, and a jsonpaths file in S3")
            spec.json_ignore_case = paths == "auto ignorecase"
        case "DELIMITER":
            spec.delimiter = words.character(option)
        case "QUOTE":
            spec.quote = words.character(option)
        case "ESCAPE":
            spec.escape = True
        case "REMOVEQUOTES":
            spec.remove_quotes = True
        case "IGNOREHEADER":
            spec.header = words.number(option)
        case "GZIP" | "BZIP2" | "ZSTD":
            spec.compression = {"GZIP": "gzip", "BZIP2": "bz2", "ZSTD": "zstd"}[option]
        case "MANIFEST":
            spec.manifest = True
        case "NULL":
            spec.null = words.string(option)
        case "BLANKSASNULL":
            spec.blanks_as_null = True
        case "EMPTYASNULL":
            spec.empty_as_null = True
        case "TRIMBLANKS":
            spec.trim_blanks = True
        case "TRUNCATECOLUMNS":
            spec.truncate = True
        case "IGNOREBLANKLINES":
            spec.ignore_blank_lines = True
        case "ACCEPTINVCHARS":
            spec.replacement = words.character(option) if words.peek() == "AS" or words.is_string() else "?"
        case "DATEFORMAT":
            spec.date_format = words.string(option)
        case "TIMEFORMAT":
            spec.time_format = words.string(option)
        case "MAXERROR":
            spec.max_errors = words.number(option)
            if spec.max_errors > MOST_ERRORS:
                raise bad_statement(f"MAXERROR is at most {MOST_ERRORS}")
        case "FILLRECORD":
            spec.fill_record = True
        case "EXPLICIT_IDS":
            spec.explicit_ids = True
        case "COMPUPDATE":
            words.skip("PRESET") or words.switch()
        case "STATUPDATE":
            words.switch()
        case "COMPROWS":
            words.number(option)
        case "ENCODING":
            if (encoding := words.string(option).upper()) != "UTF8":
                raise not_imitated(f"COPY with ENCODING {encoding}")
        case "DATA" | "EMPTY":
            return False
        case _:
            return False
    return True
