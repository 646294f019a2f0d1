"""Commands that bring data to try things with."""
