"""The words of the page of rules and of what is scraped, in both languages."""

from receiver.model import Language

RULING = {
    Language.EN: {
        "rules": "Rules",
        "rules_away": "Prometheus cannot be asked",
        "no_prometheus": "The settings name no Prometheus.",
        "busy": "too many ask it; load the page again",
        "no_evaluated": "Prometheus evaluates no rules.",
        "targets_down": "Not scraped",
        "targets_up": "{0} of {1} targets are up.",
        "firing": "firing",
        "pending": "pending",
        "inactive": "quiet",
        "recording": "recording",
        "broken": "broken",
        "managed": "changed by the API",
        "waits": "for",
        "too_many_rules": "Only the first {} rules are shown.",
    },
    Language.ZH: {
        "rules": "规则",
        "rules_away": "无法查询 Prometheus",
        "no_prometheus": "配置中没有 Prometheus。",
        "busy": "询问过多，请重新加载页面",
        "no_evaluated": "Prometheus 没有执行任何规则。",
        "targets_down": "抓取失败",
        "targets_up": "{1} 个目标中 {0} 个正常。",
        "firing": "触发中",
        "pending": "等待中",
        "inactive": "未触发",
        "recording": "记录规则",
        "broken": "出错",
        "managed": "由 API 管理",
        "waits": "持续",
        "too_many_rules": "只显示前 {} 条规则。",
    },
}
