"""Reads COPY ... FROM 's3://...'. What isn't imitated is refused by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from redshift_local.errors import bad_statement, not_imitated
from redshift_local.lexer.tokens import Token, closing, name_value, split
from redshift_local.operations import Copy, Location
from redshift_local.quoting import quote
from redshift_local.rewrite.rewritten import Rewritten
from redshift_local.rewrite.s3_options import AccessOptions, Words, plain, unknown

MOST_ERRORS = 100_000
_FROM_ELSEWHERE = "COPY other than with S3"


def copy(tokens: Sequence[Token]) -> Rewritten:
    """COPY from S3 is an operation of the front's; raise SqlError for another one, and for a wrong option."""
    words = Words(tokens)
    if words.peek() == "(":
        raise not_imitated(_FROM_ELSEWHERE)
    names = [words.take()]
    while words.skip("."):
        names.append(words.take())
    columns: tuple[str, ...] = ()
    if words.peek() == "(":
        end = closing(words.parts, words.at)
        columns = tuple(name_value(part[0]) for part in split(words.parts[words.at + 1 : end], ",") if part)
        words.at = end + 1
    if not words.skip("FROM") or words.at >= len(words.parts) or words.parts[words.at].kind != "string":
        raise not_imitated(_FROM_ELSEWHERE)
    source = words.string("FROM")
    if not source.startswith("s3://"):
        raise not_imitated(
            f"COPY FROM '{source.partition('://')[0]}://'" if "://" in source else f"COPY FROM '{source}'"
        )
    table = ".".join(quote(name_value(name)) for name in names)
    return Rewritten("", local=_with_options(Copy(table, columns, Location.of(source)), words))


def _with_options(spec: Copy, words: Words) -> Copy:
    access = AccessOptions()
    while words.at < len(words.parts):
        option = plain(words.take())
        if access.take(option, words):
            continue
        more = _with_option(spec, option, words)
        if more is None:
            raise unknown("COPY", option, words)
        spec = more
    spec = replace(spec, access=access.done())
    if not spec.delimiter:
        spec = replace(spec, delimiter="," if spec.format == "csv" else "|")
    if spec.escape and (spec.format != "delimited" or spec.remove_quotes):
        raise not_imitated("COPY with ESCAPE together with CSV, JSON, Parquet or REMOVEQUOTES")
    if spec.fill_record and spec.format in ("json", "parquet"):
        raise not_imitated(
            f"COPY with FILLRECORD of {spec.format.upper()}", "it is of delimited text and CSV"
        )
    if spec.format == "parquet" and (spec.header or spec.compression or spec.max_errors):
        raise bad_statement("COPY of Parquet takes none of IGNOREHEADER, MAXERROR and a compression")
    return spec


def _with_option(spec: Copy, option: str, words: Words) -> Copy | None:
    """Return the COPY with one option more, or None if it is no option."""
    match option:
        case "FORMAT":
            words.skip("AS")
            return _with_option(spec, plain(words.take()), words)
        case "CSV":
            return replace(spec, format="csv")
        case "PARQUET":
            return replace(spec, format="parquet")
        case "JSON":
            return _with_json(spec, words.string(option) if _has_value(words) else "auto")
        case "DELIMITER":
            return replace(spec, delimiter=words.character(option))
        case "QUOTE":
            return replace(spec, quote=words.character(option))
        case "ESCAPE":
            return replace(spec, escape=True)
        case "REMOVEQUOTES":
            return replace(spec, remove_quotes=True)
        case "IGNOREHEADER":
            return replace(spec, header=words.number(option))
        case "GZIP" | "BZIP2" | "ZSTD":
            return replace(spec, compression={"GZIP": "gzip", "BZIP2": "bz2", "ZSTD": "zstd"}[option])
        case "MANIFEST":
            return replace(spec, manifest=True)
        case "NULL":
            return replace(spec, null=words.string(option))
        case "BLANKSASNULL":
            return replace(spec, blanks_as_null=True)
        case "EMPTYASNULL":
            return replace(spec, empty_as_null=True)
        case "TRIMBLANKS":
            return replace(spec, trim_blanks=True)
        case "TRUNCATECOLUMNS":
            return replace(spec, truncate=True)
        case "IGNOREBLANKLINES":
            return replace(spec, ignore_blank_lines=True)
        case "ACCEPTINVCHARS":
            return replace(spec, replacement=words.character(option) if _has_value(words) else "?")
        case "DATEFORMAT":
            return replace(spec, date_format=words.string(option))
        case "TIMEFORMAT":
            return replace(spec, time_format=words.string(option))
        case "MAXERROR":
            if (max_errors := words.number(option)) > MOST_ERRORS:
                raise bad_statement(f"MAXERROR is at most {MOST_ERRORS}")
            return replace(spec, max_errors=max_errors)
        case "FILLRECORD":
            return replace(spec, fill_record=True)
        case "EXPLICIT_IDS":
            return replace(spec, explicit_ids=True)
    return spec if _changes_nothing(option, words) else None


def _has_value(words: Words) -> bool:
    return words.peek() == "AS" or words.is_string()


def _with_json(spec: Copy, paths: str) -> Copy:
    if paths.startswith("s3://"):
        return replace(spec, format="json", json_paths_at=Location.of(paths), json_ignore_case=False)
    if paths not in ("auto", "auto ignorecase"):
        raise not_imitated(f"COPY with JSON '{paths}'", "JSON 'auto' is, and a jsonpaths file in S3")
    return replace(spec, format="json", json_ignore_case=paths == "auto ignorecase")


def _changes_nothing(option: str, words: Words) -> bool:
    """Step over an option that has no effect here; return False if it is none of them."""
    match option:
        case "COMPUPDATE":
            words.skip("PRESET") or words.switch()
        case "STATUPDATE":
            words.switch()
        case "COMPROWS":
            words.number(option)
        case "ENCODING":
            if (encoding := words.string(option).upper()) != "UTF8":
                raise not_imitated(f"COPY with ENCODING {encoding}")
        case _:
            return False
    return True
