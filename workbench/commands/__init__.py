"""The commands of the ``workbench`` program, grouped by what a person wants to do.

A command module imports nothing heavy at its top, so that ``workbench --help`` answers at once.
"""
