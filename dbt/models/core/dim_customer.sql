{{ config(tags=['customers'], meta={'by': ['customer_id'], 'touches': [
    {'models': ['fact_transactions', 'fact_events'], 'kind': 'customers', 'member': 'customer_id', 'of': ['customer_id', 'customer_key']},
    {'models': ['customer_totals'], 'kind': 'people', 'member': 'person_id', 'of': ['customer_key', 'person_id'], 'also_new': true},
]}) }}
{% set facts = {'transactions': ['transaction_id', 'line_number'], 'events': ['event_id']} %}

with versions as (
    select * from {{ ref('stg_customer_versions') }}
),

inferred as (
    {{ inferred('versions', 'customer_id', ref('touched_dim_customer'), facts) }}
),

members as (
    select
        customer_id, first_name, last_name, email, phone, street, city, state, postal_code, country,
        false as is_inferred, valid_from, valid_to, is_current
    from versions

    union all

    select
        customer_id, null, null, null, null, null, null, null, null, null,
        true as is_inferred, valid_from, valid_to, true as is_current
    from inferred
)

select
    {{ surrogate_key('members.customer_id', 'members.valid_from') }} as customer_key,
    members.customer_id,
    coalesce(person.person_id, members.customer_id) as person_id,
    members.first_name,
    members.last_name,
    members.email,
    members.phone,
    members.street,
    members.city,
    members.state,
    members.postal_code,
    members.country,
    nullif(trim(coalesce(standard.first_name, '') || ' ' || coalesce(standard.last_name, '')), '')
        as full_name_standard,
    standard.email as email_standard,
    standard.phone as phone_standard,
    nullif(rtrim(
        coalesce(standard.street || ', ', '') || coalesce(standard.city || ', ', '')
        || coalesce(standard.state || ' ', '') || coalesce(standard.postal_code || ', ', '')
        || coalesce(standard.country, ''), ', '
    ), '') as address_standard,
    members.is_inferred,
    members.valid_from,
    members.valid_to,
    members.is_current
from members
left join {{ source('staging', 'customer_identity') }} as person
    on person.customer_id = members.customer_id
left join {{ source('staging', 'customer_standard') }} as standard
    on standard.customer_id = members.customer_id and standard.updated_at = members.valid_from
