{{ change_events(source('mongo', 'plays__changes')) }}
