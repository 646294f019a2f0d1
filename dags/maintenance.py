"""Airflow's DAG of the pipeline maintenance."""

from factory import make_dags

make_dags("maintenance")
