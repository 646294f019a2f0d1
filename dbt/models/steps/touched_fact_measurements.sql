{{ config(tags=['transactions']) }}

{{ moved_rows('fact_measurements', ['measurement_id'], {'stores': 'store_id'}) }}
