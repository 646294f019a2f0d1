{{ config(tags=['transactions'], meta={'by': ['event_id'], 'withdrawn': 'event_id', 'at': 'event_timestamp', 'touches': [
    {'models': ['event_actors', 'event_sessions'], 'kind': 'streams', 'member': stream_of('')},
]}) }}

select
    events.event_id,
    events.event_timestamp,
    {{ date_key('events.event_timestamp') }} as date_key,
    {{ time_key('events.event_timestamp') }} as time_key,
    events.event_type,
    customer.customer_key,
    product.product_key,
    store.store_key,
    events.customer_id,
    events.product_id,
    events.store_id,
    events.session_id,
    events.properties,
    events.visitor_id,
    events.channel,
    events._batch_id
from (
    {{ rows_to_build(
        'fact_events', 'events', ['event_id'],
        ['event_id', 'event_timestamp', 'event_type', 'customer_id', 'session_id', 'product_id', 'store_id',
         'properties', 'visitor_id', 'channel', '_batch_id'],
        'event_timestamp', ref('touched_fact_events')
    ) }}
) as events
left join ({{ lookup(ref('dim_customer'), 'customer') }}) as customer
    on {{ looked_up('events', 'customer', 'event_timestamp') }}
left join ({{ lookup(ref('dim_product'), 'product') }}) as product
    on {{ looked_up('events', 'product', 'event_timestamp') }}
left join ({{ lookup(ref('dim_store'), 'store') }}) as store
    on {{ looked_up('events', 'store', 'event_timestamp') }}
