"""The ways out: log, Amazon SNS, e-mail and webhooks, each named by a URL."""
