{#
  Fails with the last whole day, when its `amount` is outside ± 50 % of the median of the seven
  days before it. The last whole day is the one before the newest; nothing is said before there
  are seven to compare it with.
#}
{% test usual_volume(model, day, amount="count(*)") %}
    with

    newest as (

        select max({{ day }}) as day from {{ model }}

    ),

    days as (

        select
            {{ day }} as day,
            {{ amount }} as amount
        from {{ model }}
        where {{ day }} >= (select newest.day - 8 from newest)
        group by {{ day }}

    ),

    last_whole_day as (

        select
            newest.day - 1 as day,
            coalesce(days.amount, 0) as amount
        from newest
        left join days on newest.day - 1 = days.day

    ),

    usual as (

        select
            count(*) as day_count,
            percentile_cont(0.5) within group (order by days.amount) as amount
        from days
        cross join newest
        where days.day between newest.day - 8 and newest.day - 2

    )

    select
        last_whole_day.day,
        last_whole_day.amount,
        usual.amount as usual_amount
    from last_whole_day
    cross join usual
    where
        usual.day_count = 7
        and last_whole_day.amount not between
        usual.amount * 0.5 and usual.amount * 1.5
{% endtest %}
