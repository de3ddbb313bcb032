{{ change_events(source('mongo', 'artists__changes')) }}
