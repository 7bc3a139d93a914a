"""Channels: one file for each way to reach people, and the dict that names them.

To add one, write a file with a subclass of `contract.Channel`, and add its line here.
"""

from receiver.channels.apprise import Apprise
from receiver.channels.command import Command
from receiver.channels.contract import Channel
from receiver.channels.dingtalk import DingTalk
from receiver.channels.email import Email
from receiver.channels.feishu import Feishu
from receiver.channels.inbox import Inbox
from receiver.channels.pagerduty import PagerDuty
from receiver.channels.slack import Slack
from receiver.channels.sms import Sms
from receiver.channels.teams import Teams
from receiver.channels.telegram import Telegram
from receiver.channels.terminal import Terminal
from receiver.channels.webhook import Webhook
from receiver.channels.wecom import WeCom

CHANNELS: dict[str, type[Channel]] = {
    "dingtalk": DingTalk,
    "feishu": Feishu,
    "wecom": WeCom,
    "slack": Slack,
    "teams": Teams,
    "telegram": Telegram,
    "email": Email,
    "pagerduty": PagerDuty,
    "sms": Sms,
    "webhook": Webhook,
    "command": Command,
    "apprise": Apprise,
    "inbox": Inbox,
    "terminal": Terminal,
}
