"""Pipelines in Apache Airflow: what their DAGs are made of, and how Airflow is started and called.

Modules that DAG files import take no data library along: a file is parsed every half minute.
"""

REPORTS = "/workbench/reports"
"""Where Airflow's server has the pages of runs."""
