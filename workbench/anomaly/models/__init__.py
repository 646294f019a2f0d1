"""Registered models: what a training leaves in MLflow, the gate before the champion, and safe loading."""
