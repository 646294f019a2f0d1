"""Airflow's DAG of the pipeline retail_etl."""

from factory import make_dags

make_dags("retail_etl")
