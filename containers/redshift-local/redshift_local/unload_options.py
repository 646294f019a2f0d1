"""Reads UNLOAD. What isn't imitated is refused by its name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from redshift_local.errors import bad_statement, not_imitated
from redshift_local.grammar import AccessOptions, Format, Words, plain, unknown
from redshift_local.rewrite.tokens import closing, name_value, split
from redshift_local.s3 import Access, Location

_SIZES = {"MB": 1 << 20, "GB": 1 << 30}
DEFAULT_FILE_SIZE = int(6.2 * _SIZES["GB"])
SMALLEST_FILE_SIZE = 5 * _SIZES["MB"]


@dataclass
class Unload:
    """An UNLOAD to S3; ``size`` is the most bytes a file has."""

    query: str
    target: Location
    format: Format = "delimited"
    delimiter: str = ""
    header: bool = False
    add_quotes: bool = False
    escape: bool = False
    null: str = ""
    compression: str = ""
    partition: tuple[str, ...] = ()
    include_partition: bool = False
    overwrite: bool = False
    clean: bool = False
    manifest: bool = False
    parallel: bool = True
    size: int = DEFAULT_FILE_SIZE
    extension: str = ""
    access: Access = field(default_factory=Access)


def parse_unload(words: Words) -> Unload:
    """Return what an UNLOAD asks for. Raises SqlError."""
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
        if not access.take(option, words) and not _unload_option(spec, option, words):
            raise unknown("UNLOAD", option, words)
    spec.access = access.done()
    if not spec.delimiter:
        spec.delimiter = "," if spec.format == "csv" else "|"
    if spec.escape and (spec.format != "delimited" or spec.add_quotes):
        raise not_imitated("UNLOAD with ESCAPE together with a FORMAT or ADDQUOTES")
    if spec.partition and spec.format != "parquet":
        raise not_imitated("UNLOAD with PARTITION BY other than as Parquet")
    if spec.format == "parquet" and (spec.header or spec.compression):
        raise bad_statement("UNLOAD as Parquet takes neither HEADER nor a compression")
    if spec.overwrite and spec.clean:
        raise bad_statement("ALLOWOVERWRITE and CLEANPATH exclude each other")
    return spec


def _unload_option(spec: Unload, option: str, words: Words) -> bool:
    """Note one option; return False if it is none."""
    match option:
        case "FORMAT":
            words.skip("AS")
            return words.peek() in ("CSV", "PARQUET", "JSON") and _unload_option(
                spec, plain(words.take()), words
            )
        case "CSV":
            spec.format = "csv"
        case "PARQUET":
            spec.format = "parquet"
        case "DELIMITER":
            spec.delimiter = words.character(option)
        case "HEADER":
            spec.header = True
        case "ADDQUOTES":
            spec.add_quotes = True
        case "ESCAPE":
            spec.escape = True
        case "NULL":
            spec.null = words.string(option)
        case "GZIP" | "BZIP2" | "ZSTD":
            spec.compression = {"GZIP": "gzip", "BZIP2": "bz2", "ZSTD": "zstd"}[option]
        case "PARTITION":
            if not words.skip("BY") or words.peek() != "(":
                raise bad_statement("PARTITION BY needs columns in brackets")
            end = closing(words.parts, words.at)
            spec.partition = tuple(
                name_value(part[0]) for part in split(words.parts[words.at + 1 : end], ",") if part
            )
            words.at = end + 1
            spec.include_partition = words.skip("INCLUDE")
        case "ENCRYPTED":
            # Without a key it asks for what S3 does by itself.
            words.skip("AUTO")
        case "ALLOWOVERWRITE":
            spec.overwrite = True
        case "CLEANPATH":
            spec.clean = True
        case "MANIFEST":
            spec.manifest = True
            if words.peek() == "VERBOSE":
                raise not_imitated("UNLOAD with MANIFEST VERBOSE")
        case "PARALLEL":
            spec.parallel = words.switch()
        case "MAXFILESIZE":
            words.skip("AS")
            number, unit = words.take().text, "MB"
            if words.peek() in _SIZES:
                unit = plain(words.take())
            if not re.fullmatch(r"\d+(\.\d+)?", number):
                raise bad_statement(f"MAXFILESIZE needs a number, not {number}")
            spec.size = int(float(number) * _SIZES[unit])
            if not SMALLEST_FILE_SIZE <= spec.size <= DEFAULT_FILE_SIZE:
                raise bad_statement("MAXFILESIZE is from 5 MB to 6.2 GB")
        case "EXTENSION":
            spec.extension = "." + words.string(option).lstrip(".")
        case _:
            return False
    return True
