{{ versions(source('raw', 'stores'), 'store_id', [
    'name', 'street', 'city', 'state', 'postal_code', 'country', 'time_zone', 'day_starts',
], touched=ref('touched_dim_store')) }}
