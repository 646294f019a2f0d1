"""Unusual days of sales: training the model of daily sales and judging days by it."""
