"""Secrets: given by reference, and blotted out wherever their values would show."""
