{{ config(tags=['transactions']) }}

{{ moved_rows('fact_events', ['event_id'],
    {'customers': 'customer_id', 'products': 'product_id', 'stores': 'store_id'}) }}
