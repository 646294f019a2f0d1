"""What COPY and UNLOAD have in common: how their options are read, and who asks S3."""

from __future__ import annotations

import re
from collections.abc import Sequence

from redshift_local.errors import SqlError, bad_statement, not_imitated
from redshift_local.lexer.tokens import Token, string_value
from redshift_local.operations import Access

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/\S+")


class Words:
    """What follows the first word of a statement, taken word by word."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.parts = [token for token in tokens if token.kind != "end"]
        self.at = 1

    def peek(self) -> str:
        """Return the next word in capitals, or the next symbol; empty for a string or a quoted name."""
        return plain(self.parts[self.at]) if self.at < len(self.parts) else ""

    def take(self) -> Token:
        if self.at >= len(self.parts):
            raise bad_statement(f"{self.parts[0].word.upper()} ends where something is missing")
        self.at += 1
        return self.parts[self.at - 1]

    def skip(self, *words: str) -> bool:
        if self.peek() in words and self.peek():
            self.at += 1
            return True
        return False

    def is_string(self) -> bool:
        """Whether a string literal comes next."""
        return self.at < len(self.parts) and self.parts[self.at].kind == "string"

    def string(self, option: str) -> str:
        self.skip("AS")
        token = self.take()
        if token.kind != "string":
            raise bad_statement(f"{option} needs a string in quotes, not {token.text}")
        return string_value(token)

    def character(self, option: str) -> str:
        value = self.string(option)
        value = {"\\t": "\t"}.get(value, value)
        if len(value) != 1:
            raise bad_statement(f"{option} needs one character, not '{value}'")
        return value

    def number(self, option: str) -> int:
        self.skip("AS")
        text = self.take().text
        if not text.isdigit():
            raise bad_statement(f"{option} needs a whole number, not {text}")
        return int(text)

    def switch(self, default: bool = True) -> bool:
        if self.skip("ON", "TRUE"):
            return True
        return not self.skip("OFF", "FALSE") and default


def plain(token: Token) -> str:
    return "" if token.kind in ("string", "quoted") else token.text.upper()


def unknown(statement: str, option: str, words: Words) -> SqlError:
    name = option or words.parts[words.at - 1].text
    return not_imitated(f"{statement} with {name}")


class AccessOptions:
    """Gathers the options that say who asks S3."""

    def __init__(self) -> None:
        self.given: dict[str, str] = {}
        self.known = False

    def take(self, option: str, words: Words) -> bool:
        match option:
            case "IAM_ROLE":
                if not words.skip("DEFAULT"):
                    self._role(words.string(option))
            case "ACCESS_KEY_ID":
                self.given["key"] = words.string(option)
            case "SECRET_ACCESS_KEY":
                self.given["secret"] = words.string(option)
            case "SESSION_TOKEN":
                self.given["token"] = words.string(option)
                return True
            case "REGION":
                self.given["region"] = words.string(option)
                return True
            case "WITH" if words.peek() == "CREDENTIALS":
                return True
            case "CREDENTIALS":
                self._credentials(words.string(option))
            case _:
                return False
        self.known = True
        return True

    def _role(self, arn: str) -> None:
        for one in arn.split(","):
            if one != "default" and not _ROLE.fullmatch(one):
                raise bad_statement(
                    f"'{one}' isn't a role: it would be like arn:aws:iam::123456789012:role/name"
                )

    def _credentials(self, text: str) -> None:
        pairs = dict(part.partition("=")[::2] for part in text.split(";") if part)
        names = {"aws_access_key_id": "key", "aws_secret_access_key": "secret", "token": "token"}
        if "aws_iam_role" in pairs:
            self._role(pairs.pop("aws_iam_role"))
        if pairs.keys() - names.keys():
            raise bad_statement(
                "CREDENTIALS knows aws_iam_role, aws_access_key_id, aws_secret_access_key and token"
            )
        self.given |= {names[name]: value for name, value in pairs.items()}

    def done(self) -> Access:
        if not self.known:
            raise bad_statement(
                "who asks S3 is missing: IAM_ROLE, ACCESS_KEY_ID with SECRET_ACCESS_KEY, or CREDENTIALS"
            )
        if bool(self.given.get("key")) != bool(self.given.get("secret")):
            raise bad_statement("ACCESS_KEY_ID and SECRET_ACCESS_KEY belong together")
        return Access(**self.given)
