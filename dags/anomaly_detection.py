"""Airflow's DAG of the pipeline anomaly_detection."""

from factory import make_dags

make_dags("anomaly_detection")
