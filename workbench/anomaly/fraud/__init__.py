"""Fraud among transactions: behaviour of customers and stores, and a forest that learns from verdicts."""
