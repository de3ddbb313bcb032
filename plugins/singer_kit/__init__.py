"""What the connectors share: the rap-free ground under every tap and target.

It knows Singer, process exit codes and data contracts; it knows no store and no entity.
"""

from singer_kit.late import put_off

put_off()
