{{ change_events(source('mongo', 'meetups__changes')) }}
