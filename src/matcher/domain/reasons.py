"""Why a volunteer cannot serve a request: the codes, their order and their words.

The order of ``Reason`` is the order in which the constraints are tried. A volunteer is
counted at the first one that fails, so the counts of one request add up to all volunteers.
"""

from enum import StrEnum

__all__ = ["LABELS", "Fix", "Reason"]


class Reason(StrEnum):
    """One hard constraint that a pair, or a team, fails."""

    NO_WINDOW = "no-window"
    PAUSED = "paused"
    NOT_PAIRED = "not-paired"
    EXCLUDED = "excluded"
    MINOR = "minor"
    GENDER = "gender"
    SKILL_MISSING = "skill-missing"
    LEVEL_TOO_LOW = "level-too-low"
    CERTIFICATE_EXPIRED = "certificate-expired"
    UNTRAINED = "untrained"
    UNINSURED = "uninsured"
    TOO_FAR = "too-far"
    NOT_AVAILABLE = "not-available"
    CAPACITY_REACHED = "capacity-reached"
    BUSY = "busy"
    TEAM_INCOMPLETE = "team-incomplete"
    OUTBID = "outbid"


class Fix(StrEnum):
    """The smallest single change that would let one more volunteer serve a request."""

    WIDEN_DISTANCE = "widen-distance"
    ADD_AVAILABILITY = "add-availability"
    RAISE_CAPACITY = "raise-capacity"
    RAISE_LEVEL = "raise-level"
    RENEW_CERTIFICATE = "renew-certificate"
    GIVE_TRAINING = "give-training"
    GIVE_INSURANCE = "give-insurance"
    ADD_VOLUNTEER = "add-volunteer"


LABELS: dict[Reason, tuple[str, str]] = {
    Reason.NO_WINDOW: ("no window is left that is long enough", "没有足够长的剩余时段"),
    Reason.PAUSED: ("the volunteer is paused", "志愿者已暂停"),
    Reason.NOT_PAIRED: ("the pair is not among the given pairs", "不在给定的配对之中"),
    Reason.EXCLUDED: ("the request excludes this volunteer", "该求助排除了此志愿者"),
    Reason.MINOR: (
        (
            "a minor, without consent of a guardian or on a service for adults only "
            "(Regulations on Voluntary Service, art. 15)"
        ),
        "未成年人：缺少监护人同意，或该服务仅限成年人（《志愿服务条例》第十五条）",
    ),
    Reason.GENDER: ("another gender was asked for", "性别不符合要求"),
    Reason.SKILL_MISSING: ("a required skill is missing (art. 16)", "缺少所需技能（第十六条）"),
    Reason.LEVEL_TOO_LOW: ("the level of a required skill is too low (art. 16)", "所需技能等级不足（第十六条）"),
    Reason.CERTIFICATE_EXPIRED: (
        "a required certificate has expired on the day of service (art. 16)",
        "所需证书在服务当日已过期（第十六条）",
    ),
    Reason.UNTRAINED: ("a required training is missing (art. 16)", "缺少所需培训（第十六条）"),
    Reason.UNINSURED: (
        "the service needs insurance that is missing (art. 17)",
        "该服务要求保险，志愿者未投保（第十七条）",
    ),
    Reason.TOO_FAR: ("farther than the volunteer travels", "超出志愿者的出行范围"),
    Reason.NOT_AVAILABLE: ("no start fits the windows and the availability", "求助时段与志愿者可服务时间没有交集"),
    Reason.CAPACITY_REACHED: ("the volunteer's capacity would be exceeded", "将超出志愿者的服务容量"),
    Reason.BUSY: ("the volunteer is busy then, travel included", "志愿者该时段已有安排（含路途时间）"),
    Reason.TEAM_INCOMPLETE: ("too few can be present at one common start", "同一开始时间能到场的人数不足"),
    Reason.OUTBID: ("eligible, but serves other requests in this plan", "符合条件，但在本方案中服务于其他求助"),
}
