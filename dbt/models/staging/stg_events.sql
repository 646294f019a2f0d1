{{ landed_last(source('raw', 'events'), ['event_id'], [
    'event_id', 'event_timestamp', 'event_type', 'customer_id', 'session_id', 'product_id', 'store_id',
    'properties', '_batch_id',
]) }}
    and event_timestamp >= {{ first_of_all() }}
