{#- Whether an event comes so long after the one before that another session begins. -#}
{% macro begins_session(moment, before) -%}
    {{ before }} is null or {{ moment }} > {{ dbt.dateadd('minute', env_var('WORKBENCH_SESSION_GAP', '30') | int, before) }}
{%- endmacro %}

{#- What events can be told to belong together by, before it is known who acts: a visitor, else a visit of the source. -#}
{% macro stream_of(alias) -%}
    coalesce('v:' || {{ alias }}visitor_id, 's:' || {{ alias }}session_id, 'e:' || {{ alias }}event_id)
{%- endmacro %}

{#-
  The steps of the funnel, in order, and the types of events that make each: in lower case, without blanks, hyphens and
  underscores, so that add_to_cart, Add to Cart and AddToCart are one. Other types are in sessions and in no step.
-#}
{% macro funnel_steps() -%}
    {{ return([
        ('view', ['view', 'pageview', 'pageviewed', 'productview', 'productviewed', 'viewproduct', 'viewitem',
                  'viewcontent', 'screenview', 'itemview', 'detailview']),
        ('cart', ['cart', 'addtocart', 'addtobasket', 'addtobag', 'addedtocart', 'productadded', 'cartadd',
                  'productaddedtocart']),
        ('checkout', ['checkout', 'begincheckout', 'startcheckout', 'checkoutstarted', 'initiatecheckout',
                      'checkoutbegin']),
        ('purchase', ['purchase', 'purchased', 'order', 'buy', 'ordercompleted', 'ordercreated', 'orderplaced',
                      'placeorder', 'checkoutcompleted', 'purchasecompleted', 'transaction']),
    ]) }}
{%- endmacro %}

{#- Number of the step that a type of event makes, from 1; null for other types. -#}
{% macro step_number(event_type) -%}
    case
        {%- for name, types in funnel_steps() %}
        when replace(replace(replace(lower({{ event_type }}), ' ', ''), '-', ''), '_', '')
            in ('{{ types | join("', '") }}') then {{ loop.index }}
        {%- endfor %}
    end
{%- endmacro %}

{% macro step_name(number) -%}
    case {{ number }}
        {%- for name, _ in funnel_steps() %}
        when {{ loop.index }} then '{{ name }}'
        {%- endfor %}
    end
{%- endmacro %}
