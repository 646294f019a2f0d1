"""Reads tokens from left to right."""

from __future__ import annotations

from collections.abc import Sequence

from redshift_local.errors import bad_statement
from redshift_local.lexer.tokens import Token, closing, name_value, split, starts


class Reader:
    """A place among the tokens of a statement; words are matched in lower case."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = [token for token in tokens if token.kind != "end"]
        self._at = 0

    def at(self, text: str) -> bool:
        """Whether the next token is this sign."""
        return self._at < len(self._tokens) and self._tokens[self._at].text == text

    def at_any(self, *alternatives: str) -> bool:
        """Whether one of these sequences of words comes next."""
        return any(starts(self._tokens, words, self._at) for words in alternatives)

    def take(self, words: str) -> bool:
        """Step over these words if they come next; return whether they did."""
        found = starts(self._tokens, words, self._at)
        if found:
            self._at += len(words.split())
        return found

    def need(self, words: str) -> None:
        """Step over these words; raise SqlError if something else comes."""
        if not self.take(words):
            raise bad_statement(f'syntax error at or near "{self._shown()}": {words.upper()} is wanted')

    def token(self) -> Token:
        """Take the next token; raise SqlError at the end."""
        if self._at == len(self._tokens):
            raise bad_statement("syntax error at end of input")
        self._at += 1
        return self._tokens[self._at - 1]

    def name(self) -> str:
        """Take an identifier, as it is stored."""
        token = self.token()
        if token.kind not in ("word", "quoted"):
            raise bad_statement(f'syntax error at or near "{token.text}": a name is wanted')
        return name_value(token)

    def qualified_name(self) -> list[str]:
        """Take a name with the names before its dots."""
        names = [self.name()]
        while self.at("."):
            self._at += 1
            names.append(self.name())
        return names

    def parentheses(self) -> list[Token]:
        """Take what is in parentheses, with them."""
        if not self.at("("):
            raise bad_statement(f'syntax error at or near "{self._shown()}": "(" is wanted')
        begin, self._at = self._at, closing(self._tokens, self._at) + 1
        return self._tokens[begin : self._at]

    def peek_parentheses(self) -> list[Token]:
        """Return what is in the parentheses that come next, without them."""
        return self._tokens[self._at + 1 : closing(self._tokens, self._at)]

    def names(self) -> list[str]:
        """Take a list of names in parentheses."""
        return [Reader(part).last_name() for part in split(self.parentheses()[1:-1], ",")]

    def one_name(self) -> str:
        """Take a single name in parentheses."""
        names = self.names()
        if len(names) != 1:
            raise bad_statement("syntax error: a single column is wanted")
        return names[0]

    def last_name(self) -> str:
        """Take a name that nothing follows."""
        name = self.name()
        self.end()
        return name

    def until(self, *signs: str) -> list[Token]:
        """Take the tokens before one of these words, outside of parentheses."""
        begin = self._at
        while self._at < len(self._tokens) and self._tokens[self._at].word not in signs:
            self._at = closing(self._tokens, self._at) + 1 if self.at("(") else self._at + 1
        return self._tokens[begin : self._at]

    def rest(self) -> list[Token]:
        """Take all that is left."""
        begin, self._at = self._at, len(self._tokens)
        return self._tokens[begin:]

    def done(self) -> bool:
        """Whether nothing is left."""
        return self._at == len(self._tokens)

    def end(self) -> None:
        """Raise SqlError if something is left."""
        if not self.done():
            raise bad_statement(f'syntax error at or near "{self._shown()}"')

    def _shown(self) -> str:
        return self._tokens[self._at].text if self._at < len(self._tokens) else "end of input"
