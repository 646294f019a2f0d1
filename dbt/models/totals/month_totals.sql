{{ config(meta={'by': ['month_start']}) }}

-- Receipts that nobody knew are added to what is there.
select month_start, cast(sum(receipts) as bigint) as receipts
from (
    {{ receipts_by_month(1) }}
    /*later*/
    union all

    select month_start, receipts
    from {{ this }}
    where month_start in (select month_start from {{ ref('touched_month_totals') }} where is_whole = 0)

    union all

    {{ receipts_by_month(0, touched('month_totals', 'new')) }}
    /*end later*/
) as parts
group by month_start
