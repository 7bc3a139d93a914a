"""Channels: one file for each way to reach people, and the dict that names them.

To add one, write a file with a subclass of `contract.Channel`, and add its line here.
"""

from receiver.channels.contract import Channel

CHANNELS: dict[str, type[Channel]] = {}
