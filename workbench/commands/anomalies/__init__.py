"""Commands on what is out of the ordinary: alerts, verdicts, models."""
