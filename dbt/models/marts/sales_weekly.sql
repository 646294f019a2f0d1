{{ config(meta={'by': ['week_start']}) }}

{{ sales_by('week', 'week_start', ref('touched_sales_weekly')) }}
