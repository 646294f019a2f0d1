"""Bytes of another form as those that are read: unpacked, in UTF-8, a record a line. All of it streams."""
