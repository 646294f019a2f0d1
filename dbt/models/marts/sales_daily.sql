{{ config(meta={'by': ['sales_date']}) }}

{{ sales_by('day', 'sales_date', ref('touched_sales_daily')) }}
