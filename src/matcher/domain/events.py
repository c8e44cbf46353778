"""What can happen, as the event feed says it: the types, and what little each tells.

A payload is thin: ids, statuses, counts and codes, never a place, a note or a name. Whoever may
know more asks for the thing itself.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

__all__ = ["DESCRIPTIONS", "PAYLOADS", "EventType", "SubjectKind"]


class SubjectKind(StrEnum):
    """What an event is about."""

    VOLUNTEER = "volunteer"
    REQUEST = "request"
    OFFER = "offer"
    RECORD = "record"
    RUN = "run"
    BLOCK = "block"
    IMPORT = "import"
    ERASURE = "erasure"
    KEY = "key"


class EventType(StrEnum):
    """What happened; the part before the dot is the kind of its subject."""

    VOLUNTEER_CREATED = "volunteer.created"
    VOLUNTEER_UPDATED = "volunteer.updated"
    VOLUNTEER_PAUSED = "volunteer.paused"
    VOLUNTEER_RESUMED = "volunteer.resumed"
    REQUEST_CREATED = "request.created"
    REQUEST_UPDATED = "request.updated"
    REQUEST_VERIFIED = "request.verified"
    REQUEST_OPENED = "request.opened"
    REQUEST_PLANNED = "request.planned"
    REQUEST_FILLED = "request.filled"
    REQUEST_STARTED = "request.started"
    REQUEST_COMPLETED = "request.completed"
    REQUEST_CANCELLED = "request.cancelled"
    REQUEST_FAILED = "request.failed"
    OFFER_OFFERED = "offer.offered"
    OFFER_ACCEPTED = "offer.accepted"
    OFFER_DECLINED = "offer.declined"
    OFFER_EXPIRED = "offer.expired"
    OFFER_WITHDRAWN = "offer.withdrawn"
    OFFER_RELEASED = "offer.released"
    OFFER_NO_SHOW = "offer.no-show"
    OFFER_IN_PROGRESS = "offer.in-progress"
    OFFER_COMPLETED = "offer.completed"
    OFFER_CONFIRMED = "offer.confirmed"
    RECORD_CREATED = "record.created"
    RECORD_CONFIRMED = "record.confirmed"
    RECORD_CORRECTED = "record.corrected"
    RUN_STARTED = "run.started"
    RUN_SUCCEEDED = "run.succeeded"
    RUN_FAILED = "run.failed"
    RUN_CANCELLED = "run.cancelled"
    RUN_PUBLISHED = "run.published"
    BLOCK_CREATED = "block.created"
    BLOCK_DELETED = "block.deleted"
    IMPORT_FINISHED = "import.finished"
    ERASURE_FINISHED = "erasure.finished"
    KEY_REVEAL_BUDGET_EXCEEDED = "key.reveal-budget-exceeded"


# By kind of subject: what a payload may hold. Nothing else ever leaves by an event.
PAYLOADS: Final[Mapping[SubjectKind, frozenset[str]]] = {
    SubjectKind.VOLUNTEER: frozenset({"version"}),
    SubjectKind.REQUEST: frozenset({"status", "version", "reason", "reasons"}),
    SubjectKind.OFFER: frozenset({"status", "version", "request_id", "volunteer_id", "run_id", "reason"}),
    SubjectKind.RECORD: frozenset({"version", "offer_id", "request_id", "volunteer_id", "minutes", "reason"}),
    SubjectKind.RUN: frozenset({"status", "version", "mode", "offers", "left_out", "reason"}),
    SubjectKind.BLOCK: frozenset({"volunteer_id"}),
    SubjectKind.IMPORT: frozenset({"status", "kind", "created", "updated", "unchanged", "refused"}),
    SubjectKind.ERASURE: frozenset({"status", "kind"}),
    SubjectKind.KEY: frozenset({"budget", "count"}),
}

# English and Chinese.
DESCRIPTIONS: Final[Mapping[EventType, tuple[str, str]]] = {
    EventType.VOLUNTEER_CREATED: ("A volunteer was pushed for the first time.", "新增志愿者"),
    EventType.VOLUNTEER_UPDATED: ("What is known of a volunteer changed.", "志愿者信息变更"),
    EventType.VOLUNTEER_PAUSED: ("A volunteer takes no new offers for now.", "志愿者暂停"),
    EventType.VOLUNTEER_RESUMED: ("A volunteer takes offers again.", "志愿者恢复"),
    EventType.REQUEST_CREATED: ("A request was pushed for the first time.", "新增求助"),
    EventType.REQUEST_UPDATED: ("What is known of a request changed.", "求助信息变更"),
    EventType.REQUEST_VERIFIED: ("A request was verified: it may be matched.", "求助已核实"),
    EventType.REQUEST_OPENED: ("A request has no offer out any more, or lost somebody who had accepted.", "待派单"),
    EventType.REQUEST_PLANNED: ("Offers for a request are out.", "已派单"),
    EventType.REQUEST_FILLED: ("Every place of a request is taken.", "名额已满"),
    EventType.REQUEST_STARTED: ("The first volunteer of a request has checked in.", "服务开始"),
    EventType.REQUEST_COMPLETED: ("Everybody who had accepted a request has done their part.", "服务完成"),
    EventType.REQUEST_CANCELLED: ("A request was cancelled; the reason says why.", "求助已取消"),
    EventType.REQUEST_FAILED: ("A request has no window left and was not served.", "求助未能满足"),
    EventType.OFFER_OFFERED: ("A volunteer is asked.", "已派单"),
    EventType.OFFER_ACCEPTED: ("A volunteer said yes and has a place.", "已接单"),
    EventType.OFFER_DECLINED: ("A volunteer said no.", "已婉拒"),
    EventType.OFFER_EXPIRED: ("A volunteer did not answer in time; a late yes still counts.", "超时未接"),
    EventType.OFFER_WITHDRAWN: ("An offer does not hold any more; the reason says why.", "已撤回"),
    EventType.OFFER_RELEASED: ("A volunteer who had accepted dropped out.", "已退出"),
    EventType.OFFER_NO_SHOW: ("A volunteer who had accepted did not come.", "未到场"),
    EventType.OFFER_IN_PROGRESS: ("A volunteer checked in.", "服务中"),
    EventType.OFFER_COMPLETED: ("A volunteer checked out.", "已完成"),
    EventType.OFFER_CONFIRMED: ("The requester's side confirmed the service.", "已确认"),
    EventType.RECORD_CREATED: ("Minutes of service were recorded.", "生成服务记录"),
    EventType.RECORD_CONFIRMED: ("Recorded minutes were confirmed.", "服务记录已确认"),
    EventType.RECORD_CORRECTED: ("Recorded minutes were corrected.", "服务记录已更正"),
    EventType.RUN_STARTED: ("A run began to solve.", "匹配开始"),
    EventType.RUN_SUCCEEDED: ("A run has its plan.", "匹配完成"),
    EventType.RUN_FAILED: ("A run ended without a plan.", "匹配失败"),
    EventType.RUN_CANCELLED: ("A run was cancelled; it has the best plan until then.", "匹配已取消"),
    EventType.RUN_PUBLISHED: ("The plan of a run was put to the volunteers.", "匹配方案已发布"),
    EventType.BLOCK_CREATED: ("A volunteer and a requester are kept apart from now on.", "已设置回避"),
    EventType.BLOCK_DELETED: ("A volunteer and a requester are no longer kept apart.", "已取消回避"),
    EventType.IMPORT_FINISHED: ("An import was worked off, or ended before.", "导入结束"),
    EventType.ERASURE_FINISHED: ("A person was erased everywhere.", "删除完成"),
    EventType.KEY_REVEAL_BUDGET_EXCEEDED: (
        "A key asked for more exact places than it may see in a day.",
        "超出查看地址限额",
    ),
}
