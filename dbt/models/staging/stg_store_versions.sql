{{ versions(source('raw', 'stores'), 'store_id', [
    'name', 'street', 'city', 'state', 'postal_code', 'country',
], touched=ref('touched_dim_store')) }}
