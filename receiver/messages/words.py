"""The words of both languages that templates do not hold themselves."""

from receiver.model import JOINED, REMINDER, REOPENED, Language
from receiver.severity import Severity

RESOLVED = {Language.EN: "Resolved", Language.ZH: "已恢复"}

SEVERITY = {
    Language.EN: {
        "critical": "Critical",
        "high": "High",
        "error": "Error",
        "warning": "Warning",
        "medium": "Medium",
        "low": "Low",
        "info": "Info",
        "none": "Notice",
    },
    Language.ZH: {
        "critical": "严重",
        "high": "重要",
        "error": "错误",
        "warning": "警告",
        "medium": "一般",
        "low": "次要",
        "info": "提示",
        "none": "通知",
    },
}


def severity_word(severity: Severity, language: Language) -> str:
    """Say how urgent something is: a word that is the user's own stays as it is."""
    return severity.said or SEVERITY[language][severity.name]


AGAIN = {
    Language.EN: {REMINDER: "reminder", REOPENED: "reopened", JOINED: "joined"},
    Language.ZH: {REMINDER: "再次提醒", REOPENED: "重新触发", JOINED: "并入"},
}
"""What is said beside the severity, by the reason of a notification."""

ACTED = {
    Language.EN: {
        "acknowledge": "Acknowledged",
        "silence": "Silenced",
        "escalate": "Escalated",
        "respond": "Response",
        "respond-asks": "Approval wanted",
        "respond-fails": "A person must look",
        "maintenance-over": "Maintenance over",
        "silence-ends": "Silence ends soon",
        "flapping": "Flapping",
        "calm": "Calm again",
        "handover": "On call",
        "muted-over": "Muted hours over",
        "quiet-hours-over": "Quiet hours over",
        "daily": "Daily report",
        "weekly": "Weekly report",
    },
    Language.ZH: {
        "acknowledge": "已认领",
        "silence": "已静默",
        "escalate": "已升级",
        "respond": "自动响应",
        "respond-asks": "请求批准",
        "respond-fails": "需要人工处理",
        "maintenance-over": "维护结束",
        "silence-ends": "静默即将到期",
        "flapping": "反复抖动",
        "calm": "已稳定",
        "handover": "值班交接",
        "muted-over": "静音时段结束",
        "quiet-hours-over": "免打扰时段结束",
        "daily": "日报",
        "weekly": "周报",
    },
}
ACTED_EMOJI = {
    "acknowledge": "🙋",
    "silence": "🔕",
    "escalate": "📣",
    "respond": "🔧",
    "respond-asks": "✋",
    "respond-fails": "🧑‍🔧",
    "maintenance-over": "🚧",
    "silence-ends": "⏰",
    "flapping": "〰️",
    "calm": "〰️",
    "handover": "📟",
    "muted-over": "🔔",
    "quiet-hours-over": "🔔",
    "daily": "📊",
    "weekly": "📊",
}
OF_SEVERAL = frozenset(
    (
        *("maintenance-over", "muted-over", "quiet-hours-over"),
        *("silence-ends", "flapping", "calm"),
    )
)
"""What is told of alerts of several incidents, whoever did it, with all of them."""
REPORTS = frozenset({"daily", "weekly"})
"""What tells of a day or a week."""
ALONE = frozenset({"handover", *REPORTS})
"""Acts that are about no incident whose message stands anywhere."""
VERBS = {
    Language.EN: {
        "acknowledge": "Acknowledge",
        "silence-1h": "Silence 1 h",
        "silence-4h": "Silence 4 h",
        "useful": "Useful",
        "noise": "Noise",
        "late": "Too late",
        "approve": "Approve",
        "refuse": "Refuse",
        "stop": "Stop",
        "extend-1h": "Extend 1 h",
        "extend-4h": "Extend 4 h",
    },
    Language.ZH: {
        "acknowledge": "认领",
        "silence-1h": "静默 1 小时",
        "silence-4h": "静默 4 小时",
        "useful": "有用",
        "noise": "噪音",
        "late": "太晚",
        "approve": "批准",
        "refuse": "拒绝",
        "stop": "停止",
        "extend-1h": "延长 1 小时",
        "extend-4h": "延长 4 小时",
    },
}
"""What a person may do about an incident or a response to it, as buttons say it."""
ANSWERS = ("approve", "refuse")
"""What a person may say to a response that asks; a button says to which."""

VERDICTS = ("useful", "noise", "late")
"""What a person may say of it, best once it is over."""
SILENCE_ENDS = "silence-ends"
EXTENSIONS = ("extend-1h", "extend-4h")
"""What a person may do about a silence that ends soon."""

LINKS = {
    Language.EN: {
        "runbook": "Runbook",
        "dashboard": "Dashboard",
        "graph": "Graph",
        "silence": "Silence",
        "inbox": "Inbox",
        "incident": "Incident",
        "picture": "Picture",
    },
    Language.ZH: {
        "runbook": "处理手册",
        "dashboard": "仪表盘",
        "graph": "图表",
        "silence": "静默",
        "inbox": "收件箱",
        "incident": "事件",
        "picture": "曲线图",
    },
}

HANDLE = {Language.EN: "Handle as {}", Language.ZH: "以 {} 的身份处理"}
"""What a link says by which a person of that name may act."""

FACTS = {
    Language.EN: {
        "reopened": "Reopened",
        "also": "Also firing",
        "value": "Value",
        "expected": "Expected",
        "deviation": "Deviation",
        "shares": "In common",
        "unusual": "Also unusual there",
    },
    Language.ZH: {
        "reopened": "重新触发",
        "also": "同时触发",
        "value": "当前值",
        "expected": "期望区间",
        "deviation": "偏离度",
        "shares": "集中于",
        "unusual": "该主机同时异常",
    },
}
