{# Fails with one row when `model` has not as many rows as `to`, each behind its own condition. #}
{% test as_many_rows_as(model, to, to_where="true", model_where="true") %}
    with

    counted as (

        select
            (select count(*) from {{ model }} where {{ model_where }}) as row_count,
            (select count(*) from {{ to }} where {{ to_where }}) as expected_row_count

    )

    select * from counted
    where row_count <> expected_row_count
{% endtest %}
