"""Every setting with its default and a sentence in both languages; ``docs/config.md`` is made from it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from appliance.config.accounts import (
    ExchangeSettings,
    GraphSettings,
    ImapSettings,
    SignIn,
    SmtpSettings,
)
from appliance.config.told import told
from appliance.domain.mail import Address


def _disclosure() -> Mapping[str, str]:
    return MappingProxyType(
        {
            "en": "This reply was written by an automatic assistant. Answer it to reach a person.",
            "zh-Hans": "本邮件由自动助手撰写。直接回复本邮件即可联系人工客服。",
            "zh-Hant": "本郵件由自動助手撰寫。直接回覆本郵件即可聯絡人工客服。",
            "de": "Diese Antwort hat ein automatischer Assistent verfasst. Antworten Sie darauf, um einen Menschen zu erreichen.",
            "fr": "Cette réponse a été rédigée par un assistant automatique. Répondez-y pour joindre une personne.",
            "es": "Esta respuesta la ha redactado un asistente automático. Responda para hablar con una persona.",
        }
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """How much may leave without a person."""

    per_thread: int = told(
        "Automatic answers per thread before a person has looked at it.",
        "人工查看之前，每个会话最多自动答复的次数。",
        default=1,
        limits=(0, 100),
    )
    per_sender_per_day: int = told(
        "Automatic answers to one sender in 24 hours.",
        "24 小时内对同一发件人最多自动答复的次数。",
        default=3,
        limits=(0, 1000),
    )
    per_hour: int = told(
        "Automatic answers to anybody in one hour; beyond it everything goes to review.",
        "每小时自动答复的总上限；超出后全部转人工审核。",
        default=20,
        limits=(0, 10_000),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Writing:
    """How drafts are written."""

    temperature: float = told(
        "How freely the engine chooses words; 0 is the same draft every time.",
        "用词的随机程度；0 表示每次结果相同。",
        default=0.3,
        limits=(0, 2),
    )
    top_p: float = told(
        "Share of probability to choose from.", "候选词的累计概率。", default=0.9, limits=(0, 1)
    )
    top_k: int = told(
        "Number of candidates to choose from.", "候选词的数量。", default=40, limits=(1, 1000)
    )
    repeat_penalty: float = told(
        "Penalty on repeating words; 1 is none.",
        "重复用词的惩罚；1 表示不惩罚。",
        default=1.05,
        limits=(0.5, 2),
    )
    max_tokens: int = told(
        "Longest reply in tokens.", "答复的最大长度（token 数）。", default=400, limits=(16, 8192)
    )
    stop: tuple[str, ...] = told(
        "Strings that end a reply.", "遇到这些字符串即结束答复。", default=()
    )
    passages: int = told(
        "Passages of the knowledge folder shown to the engine per mail.",
        "每封邮件提供给模型的知识条目数。",
        default=4,
        limits=(0, 50),
    )
    tone: str = told(
        "A sentence for the engine about the manner of writing.",
        "告诉模型的行文要求（一句话）。",
        default="",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """``office.toml``: what one office decides. Lies in the office directory beside ``knowledge/``."""

    name: str = told("Name of the office, as customers know it.", "办公室名称（客户所知的名称）。")
    addresses: tuple[Address, ...] = told(
        "Every address of the mailbox; the first is the sender of replies.",
        "邮箱的全部地址；第一个用作答复的发件地址。",
    )
    authserv_id: str = told(
        "authserv-id of the Authentication-Results header that is trusted (RFC 8601); empty: none.",
        "可信的 Authentication-Results 头的 authserv-id（RFC 8601）；留空表示都不可信。",
        default="",
    )
    language: str = told(
        "Language of the office (BCP 47), used where a mail's language cannot be told.",
        "办公室的语言（BCP 47），无法判断来信语言时使用。",
        default="en",
    )
    signature: str = told("Signature under every reply.", "每封答复的落款。", default="")
    automatic: bool = told(
        "Send what passes every rule without a person. Off: everything waits for a person.",
        "通过全部规则的答复无需人工直接发送。关闭时一律等待人工。",
        default=False,
    )
    save_drafts: bool = told(
        "Put each draft into the mailbox's own Drafts folder too.",
        "同时把草稿存入邮箱自己的草稿文件夹。",
        default=True,
    )
    disclose: bool = told(
        "Add the disclosure line to what is sent automatically.",
        "自动发送的答复附上披露语。",
        default=True,
    )
    disclosure: Mapping[str, str] = told(
        "The disclosure line, by language.", "各语言的披露语。", default_factory=_disclosure
    )
    rules: Mapping[str, str] = told(
        "Rule name = pass, review, hold or skip: how strict this office wants a rule to be. "
        "Rules that RFC 3834 makes mandatory cannot be made more lenient.",
        "规则名 = pass、review、hold 或 skip：本办公室对该规则的严格程度。RFC 3834 强制的规则不能放宽。",
        default_factory=lambda: MappingProxyType({}),
    )
    internal_domains: tuple[str, ...] = told(
        "Domains of colleagues and partners, who are no third party in a thread.",
        "同事与合作方的域名，不视为会话中的第三方。",
        default=(),
    )
    caps: Caps = told("Limits of automatic sending.", "自动发送的上限。", default=Caps())
    writing: Writing = told("How drafts are written.", "答复如何撰写。", default=Writing())


@dataclass(frozen=True, slots=True, kw_only=True)
class MailboxSettings:
    """One ``[[mailbox]]``: an account and the office that answers it."""

    name: str = told("Short name of the mailbox, unique.", "邮箱的短名称，不可重复。")
    office: Path = told("Directory of the office.", "办公室目录。")
    kind: Literal["folder", "imap", "exchange", "graph"] = told(
        "What the mailbox is: folder (a Maildir), imap (an account at a mail server, sent through SMTP), "
        "exchange (an Exchange server, by EWS) or graph (Microsoft 365, by Microsoft Graph).",
        "邮箱类型：folder（Maildir）、imap（邮件服务器上的账户，经 SMTP 发出）、exchange（Exchange 服务器，经 EWS）或 graph（Microsoft 365，经 Microsoft Graph）。",
        default="folder",
    )
    path: Path | None = told(
        "folder: directory of the Maildir.", "folder：Maildir 目录。", default=None
    )
    poll_seconds: float = told(
        "Look for new mail at least this often.",
        "检查新邮件的最长间隔（秒）。",
        default=60.0,
        limits=(0.01, 86_400),
    )
    sign_in: SignIn = told(
        "Who we are to the mail server.", "登录邮件服务器的身份。", default=SignIn()
    )
    imap: ImapSettings = told("Where mail comes from.", "收信。", default=ImapSettings())
    smtp: SmtpSettings = told("Where mail leaves through.", "发信。", default=SmtpSettings())
    exchange: ExchangeSettings = told(
        "An Exchange server.", "Exchange 服务器。", default=ExchangeSettings()
    )
    graph: GraphSettings = told(
        "A mailbox in Microsoft 365.", "Microsoft 365 中的邮箱。", default=GraphSettings()
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """``[engine]``: the language model."""

    kind: Literal["llama", "scripted"] = told(
        "llama: llama.cpp in this process. scripted: canned text for rehearsals and tests, no model.",
        "llama：进程内的 llama.cpp；scripted：仅供演练和测试的固定文本，不用模型。",
        default="llama",
    )
    model: Path = told(
        "The model file (GGUF).",
        "模型文件（GGUF）。",
        default=Path("/var/lib/appliance/models/qwen3-4b-instruct-2507-q4_k_m.gguf"),
    )
    context: int = told(
        "Tokens of context per slot.",
        "每个槽位的上下文 token 数。",
        default=8192,
        limits=(512, 262_144),
    )
    slots: int = told(
        "Mails drafted at the same time.", "同时起草的邮件数。", default=1, limits=(1, 32)
    )
    threads: int = told(
        "Threads for writing; 0: one per core.",
        "生成时的线程数；0 表示每核一个。",
        default=0,
        limits=(0, 256),
    )
    prefill_threads: int = told(
        "Threads for reading the prompt; 0: one per core.",
        "读取提示时的线程数；0 表示每核一个。",
        default=0,
        limits=(0, 256),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowSettings:
    """``[flow]``: patience."""

    attempts: int = told(
        "Tries before a mail is parked for a person.",
        "失败多少次后搁置并交由人工。",
        default=3,
        limits=(1, 100),
    )
    retry_seconds: float = told(
        "Wait after the first failure; doubles each time.",
        "首次失败后的等待秒数；之后每次加倍。",
        default=30.0,
        limits=(0, 86_400),
    )
    retry_max_seconds: float = told(
        "Longest wait.", "最长等待秒数。", default=3600.0, limits=(0, 604_800)
    )
    undo_seconds: float = told(
        "An approved reply leaves after this long; until then it can be undone.",
        "批准后延迟多少秒发出；在此之前可以撤销。",
        default=30.0,
        limits=(0, 86_400),
    )
    doubt_seconds: float = told(
        "Where a sending broke off, time for a copy to turn up in the folder of sent mail before a person is asked.",
        "发送中断后，等待已发送文件夹中出现副本的秒数；之后交由人工确认。",
        default=30.0,
        limits=(0, 3600),
    )
    stop_seconds: float = told(
        "On stop, time for the mails in the slots to be finished.",
        "停止服务时，留给正在起草的邮件的时间（秒）。",
        default=10.0,
        limits=(0, 600),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """``appliance.toml``."""

    state: Path = told(
        "Directory of everything the appliance keeps; belongs to the service alone.",
        "保存全部状态的目录；仅服务用户可读写。",
        default=Path("/var/lib/appliance"),
    )
    socket: Path = told(
        "Unix socket for the console and the command line.",
        "控制台和命令行使用的 unix 套接字。",
        default=Path("/run/appliance/control.sock"),
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = told(
        "How much is logged.", "日志级别。", default="INFO"
    )
    mailbox: tuple[MailboxSettings, ...] = told(
        "The mailboxes, each a [[mailbox]] table.", "邮箱，每个写成一个 [[mailbox]] 表。"
    )
    engine: EngineSettings = told("The engine.", "模型引擎。", default=EngineSettings())
    flow: FlowSettings = told("Patience.", "重试与等待。", default=FlowSettings())
