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
        "refused": "This page asks for a user name, which may be any, and for a password:"
        " a token of scope read or admin. Its file is named in receiver.yml, under tokens.",
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
        "refused": "打开本页需要登录：用户名任意，密码为 scope 是 read 或 admin 的令牌。"
        "令牌文件见 receiver.yml 的 tokens。",
        "away": "暂时无法读取存储。已接收的消息不会丢失。",
    },
}
