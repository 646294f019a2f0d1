"""Pipelines that start by themselves: by the clock, and when others have written what they read."""
