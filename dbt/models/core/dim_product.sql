{{ config(tags=['products'], meta={'by': ['product_id'], 'touches': [
    {'models': ['fact_transactions', 'fact_events'], 'kind': 'products', 'member': 'product_id', 'of': ['product_id', 'product_key']},
    {'models': ['sales_daily', 'sales_weekly', 'sales_monthly', 'sales_quarterly'], 'kind': 'product_key', 'member': 'product_key', 'of': ['product_key', 'department']},
]}) }}
{% set facts = {'transactions': ['transaction_id', 'line_number'], 'events': ['event_id']} %}

with versions as (
    select * from {{ ref('stg_product_versions') }}
),

inferred as (
    {{ inferred('versions', 'product_id', ref('touched_dim_product'), facts) }}
),

members as (
    select
        product_id, description, brand, manufacturer_id, department, category, subcategory, package_size,
        list_price, currency, false as is_inferred, valid_from, valid_to, is_current
    from versions

    union all

    select
        product_id, null, null, null, null, null, null, null,
        null, null, true as is_inferred, valid_from, valid_to, true as is_current
    from inferred
)

-- A version that landed with a category keeps its own; only one without takes the assigned category.
select
    {{ surrogate_key('members.product_id', 'members.valid_from') }} as product_key,
    members.product_id,
    members.description,
    members.brand,
    members.manufacturer_id,
    coalesce(members.department, assigned.department) as department,
    coalesce(members.category, assigned.category) as category,
    coalesce(members.subcategory, assigned.subcategory) as subcategory,
    members.package_size,
    members.list_price,
    members.currency,
    case
        when members.category is not null then 'feed'
        when assigned.category is not null then assigned.category_source
        else 'none'
    end as category_source,
    case
        when members.category is not null then 1
        when assigned.category is not null then assigned.category_confidence
    end as category_confidence,
    members.is_inferred,
    members.valid_from,
    members.valid_to,
    members.is_current
from members
left join {{ source('staging', 'product_category') }} as assigned
    on assigned.product_id = members.product_id and members.category is null
