"""The words of the pages in both languages."""

from receiver.model import Language

TEXTS = {
    Language.EN: {
        "inbox": "Inbox",
        "empty": "No messages yet. The first alert that is routed to an inbox appears here.",
        "older": "Older messages",
        "newest": "Newest messages",
        "live": "Live",
        "lost": "Connection lost; trying again",
        "static": "Reload the page for newer messages",
        "received": "Received",
        "away": "The store cannot be read now. Messages that were accepted are kept.",
    },
    Language.ZH: {
        "inbox": "收件箱",
        "empty": "还没有消息。第一条发往收件箱的告警会显示在这里。",
        "older": "更早的消息",
        "newest": "最新消息",
        "live": "实时更新",
        "lost": "连接已断开 · 正在重试",
        "static": "刷新页面以查看新消息",
        "received": "收到时间",
        "away": "暂时无法读取存储。已接收的消息不会丢失。",
    },
}
