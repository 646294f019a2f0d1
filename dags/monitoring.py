"""Airflow's DAG of the pipeline monitoring."""

from factory import make_dags

make_dags("monitoring")
