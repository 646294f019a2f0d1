"""Reads UNLOAD. What isn't imitated is refused by its name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from redshift_local.errors import bad_statement, not_imitated
from redshift_local.lexer.tokens import Token, closing, name_value, split
from redshift_local.operations import FILE_SIZE_UNITS, MAX_FILE_SIZE, MIN_FILE_SIZE, Location, Unload
from redshift_local.rewrite.s3_options import AccessOptions, Words, plain, unknown


def parse_unload(tokens: Sequence[Token]) -> Unload:
    """Return what an UNLOAD asks for, its query still in Redshift's words. Raises SqlError."""
    words = Words(tokens)
    if not words.skip("("):
        raise bad_statement(
            "UNLOAD needs its query as a string in brackets: UNLOAD ('SELECT ...') TO 's3://...'"
        )
    query = words.string("UNLOAD")
    if not words.skip(")") or not words.skip("TO"):
        raise bad_statement("UNLOAD needs TO 's3://...' after its query")
    spec = Unload(query.strip().rstrip(";"), Location.of(words.string("TO")))
    access = AccessOptions()
    while words.at < len(words.parts):
        option = plain(words.take())
        if access.take(option, words):
            continue
        more = _with_option(spec, option, words)
        if more is None:
            raise unknown("UNLOAD", option, words)
        spec = more
    spec = replace(spec, access=access.done())
    if not spec.delimiter:
        spec = replace(spec, delimiter="," if spec.format == "csv" else "|")
    if spec.escape and (spec.format != "delimited" or spec.add_quotes):
        raise not_imitated("UNLOAD with ESCAPE together with a FORMAT or ADDQUOTES")
    if spec.partition and spec.format != "parquet":
        raise not_imitated("UNLOAD with PARTITION BY other than as Parquet")
    if spec.format == "parquet" and (spec.header or spec.compression):
        raise bad_statement("UNLOAD as Parquet takes neither HEADER nor a compression")
    if spec.overwrite and spec.clean:
        raise bad_statement("ALLOWOVERWRITE and CLEANPATH exclude each other")
    return spec


def _with_option(spec: Unload, option: str, words: Words) -> Unload | None:
    """Return the UNLOAD with one option more, or None if it is no option."""
    match option:
        case "FORMAT":
            words.skip("AS")
            known = words.peek() in ("CSV", "PARQUET", "JSON")
            return _with_option(spec, plain(words.take()), words) if known else None
        case "CSV":
            return replace(spec, format="csv")
        case "PARQUET":
            return replace(spec, format="parquet")
        case "DELIMITER":
            return replace(spec, delimiter=words.character(option))
        case "HEADER":
            return replace(spec, header=True)
        case "ADDQUOTES":
            return replace(spec, add_quotes=True)
        case "ESCAPE":
            return replace(spec, escape=True)
        case "NULL":
            return replace(spec, null=words.string(option))
        case "GZIP" | "BZIP2" | "ZSTD":
            return replace(spec, compression={"GZIP": "gzip", "BZIP2": "bz2", "ZSTD": "zstd"}[option])
        case "PARTITION":
            return _with_partition(spec, words)
        case "ENCRYPTED":
            # Without a key it asks for what S3 does by itself.
            words.skip("AUTO")
            return spec
        case "ALLOWOVERWRITE":
            return replace(spec, overwrite=True)
        case "CLEANPATH":
            return replace(spec, clean=True)
        case "MANIFEST":
            if words.peek() == "VERBOSE":
                raise not_imitated("UNLOAD with MANIFEST VERBOSE")
            return replace(spec, manifest=True)
        case "PARALLEL":
            return replace(spec, parallel=words.switch())
        case "MAXFILESIZE":
            return replace(spec, size=_file_size(words))
        case "EXTENSION":
            return replace(spec, extension="." + words.string(option).lstrip("."))
    return None


def _with_partition(spec: Unload, words: Words) -> Unload:
    if not words.skip("BY") or words.peek() != "(":
        raise bad_statement("PARTITION BY needs columns in brackets")
    end = closing(words.parts, words.at)
    columns = tuple(name_value(part[0]) for part in split(words.parts[words.at + 1 : end], ",") if part)
    words.at = end + 1
    return replace(spec, partition=columns, include_partition=words.skip("INCLUDE"))


def _file_size(words: Words) -> int:
    words.skip("AS")
    number, unit = words.take().text, "MB"
    if words.peek() in FILE_SIZE_UNITS:
        unit = plain(words.take())
    if not re.fullmatch(r"\d+(\.\d+)?", number):
        raise bad_statement(f"MAXFILESIZE needs a number, not {number}")
    size = int(float(number) * FILE_SIZE_UNITS[unit])
    if not MIN_FILE_SIZE <= size <= MAX_FILE_SIZE:
        raise bad_statement("MAXFILESIZE is from 5 MB to 6.2 GB")
    return size
