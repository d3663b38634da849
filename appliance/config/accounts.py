"""How a mailbox is reached: servers, sign-in, folders. Part of the settings tree."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from appliance.config.told import told

Security = Literal["tls", "starttls", "none"]
Method = Literal["password", "microsoft", "google"]
Flow = Literal["device", "secret", "certificate"]

PORTS = {
    "imap": {"tls": 993, "starttls": 143, "none": 143},
    "smtp": {"tls": 465, "starttls": 587, "none": 25},
}
"""The usual port by protocol and security (RFC 8314 §3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """``[mailbox.sign_in]``: who we are to the mail server. Secrets are names, never values."""

    user: str = told(
        "User name; usually the mail address.", "用户名，通常就是邮箱地址。", default=""
    )
    method: Method = told(
        "password: also authorisation codes and app passwords. microsoft: OAuth 2.0 of Microsoft 365. "
        "google: OAuth 2.0 of Gmail by a refresh token.",
        "password：密码，也包括授权码和应用专用密码。microsoft：Microsoft 365 的 OAuth 2.0。google：Gmail 的 OAuth 2.0（刷新令牌）。",
        default="password",
    )
    secret: str = told(
        "Name of the secret: the password, the client secret, or for google the refresh token. Its value is "
        "a systemd credential or a file of this name in the directory `secrets` beside appliance.toml.",
        "机密的名称：密码、客户端机密，google 则为刷新令牌。其值来自 systemd 凭据，或 appliance.toml 旁 `secrets` 目录中的同名文件。",
        default="",
    )
    client_id: str = told(
        "OAuth: id of the registered application.", "OAuth：已注册应用的 ID。", default=""
    )
    client_secret: str = told(
        "google: name of the secret that holds the application's client secret.",
        "google：保存应用客户端机密的机密名称。",
        default="",
    )
    tenant: str = told(
        "microsoft: tenant id or domain.", "microsoft：租户 ID 或域名。", default="organizations"
    )
    flow: Flow = told(
        "microsoft: device: a person signs in once with a code that `appliance setup` or `sign-in` shows. secret, "
        "certificate: the application signs in by itself.",
        "microsoft：device：由人按 `appliance setup` 或 `sign-in` 显示的代码登录一次。secret、certificate：应用自行登录。",
        default="device",
    )
    thumbprint: str = told(
        "microsoft, certificate: its SHA-256 thumbprint (hex); `secret` then names the private key (PEM).",
        "microsoft 证书方式：证书的 SHA-256 指纹（十六进制）；此时 `secret` 为私钥（PEM）的名称。",
        default="",
    )
    authority: str = told(
        "Address of the sign-in service where it is not the usual one (a national cloud).",
        "登录服务的地址（使用国家云等非默认服务时填写）。",
        default="",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapSettings:
    """``[mailbox.imap]``: where mail comes from."""

    host: str = told("IMAP server.", "IMAP 服务器。", default="")
    port: int = told(
        "Port; 0: 993 with tls, else 143.",
        "端口；0 表示 tls 用 993，其余用 143。",
        default=0,
        limits=(0, 65_535),
    )
    security: Security = told(
        "tls: encrypted from the start. starttls: must become encrypted before signing in. none: only to "
        "this machine itself.",
        "tls：始终加密。starttls：登录前必须升级为加密。none：仅限本机。",
        default="tls",
    )
    ca_file: Path | None = told(
        "Certificate authority (PEM) to trust instead of the system's.",
        "用于代替系统信任库的 CA 证书（PEM）。",
        default=None,
    )
    idle: bool = told(
        "Let the server announce new mail (IDLE) where it can.",
        "服务器支持时使用 IDLE 即时获知新邮件。",
        default=True,
    )
    backlog_days: int = told(
        "At the first contact, take unanswered mail that is at most this many days old.",
        "首次连接时，处理最近多少天内尚未答复的邮件。",
        default=7,
        limits=(0, 36_500),
    )
    largest_mb: int = told(
        "Mail that is larger is left to a person.",
        "超过此大小的邮件交由人工。",
        default=20,
        limits=(1, 200),
    )
    drafts: str = told(
        "Drafts folder; empty: as the server says.", "草稿文件夹；留空则按服务器所示。", default=""
    )
    sent: str = told(
        "Folder of sent mail; empty: as the server says.",
        "已发送文件夹；留空则按服务器所示。",
        default="",
    )
    handled: str = told(
        "Folder for answered and closed mail.", "已处理邮件的文件夹。", default="Handled"
    )
    held: str = told(
        "Folder for mail that waits for a person.", "等待人工处理的邮件文件夹。", default="Held"
    )
    skipped: str = told(
        "Folder for mail that nobody answers.", "无需答复的邮件文件夹。", default="Skipped"
    )
    claim: str = told(
        "Folder with one mail that says which appliance looks after this mailbox.",
        "存放归属标记邮件的文件夹，标明由哪台设备负责此邮箱。",
        default="Appliance",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpSettings:
    """``[mailbox.smtp]``: where mail leaves through."""

    host: str = told("Submission server.", "发信（提交）服务器。", default="")
    port: int = told(
        "Port; 0: 465 with tls, 587 with starttls, 25 with none.",
        "端口；0 表示 tls 用 465，starttls 用 587，none 用 25。",
        default=0,
        limits=(0, 65_535),
    )
    security: Security = told("As for IMAP.", "含义与 IMAP 相同。", default="tls")
    ca_file: Path | None = told(
        "Certificate authority (PEM) to trust instead of the system's.",
        "用于代替系统信任库的 CA 证书（PEM）。",
        default=None,
    )
    sent_copy: Literal["append", "server"] = told(
        "append: we put a copy into the folder of sent mail. server: the server does so itself (Gmail, "
        "Microsoft 365).",
        "append：由本机把副本存入已发送文件夹。server：服务器会自动保存（Gmail、Microsoft 365）。",
        default="append",
    )
    null_envelope: bool = told(
        "Send with the empty envelope sender (RFC 3834 §3.3); several providers refuse it.",
        "使用空的信封发件人（RFC 3834 §3.3）；部分服务商会拒绝。",
        default=False,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """What ``[mailbox.exchange]`` and ``[mailbox.graph]`` have in common."""

    ca_file: Path | None = told(
        "Certificate authority (PEM) to trust instead of the system's.",
        "用于代替系统信任库的 CA 证书（PEM）。",
        default=None,
    )
    backlog_days: int = told(
        "At the first contact, take unanswered mail that is at most this many days old.",
        "首次连接时，处理最近多少天内尚未答复的邮件。",
        default=7,
        limits=(0, 36_500),
    )
    largest_mb: int = told(
        "Mail that is larger is left to a person.",
        "超过此大小的邮件交由人工。",
        default=20,
        limits=(1, 200),
    )
    timeout_seconds: float = told(
        "An answer of the server that takes longer counts as lost.",
        "服务器超过此秒数未应答即视为失去响应。",
        default=30.0,
        limits=(1, 300),
    )
    handled: str = told(
        "Folder for answered and closed mail.", "已处理邮件的文件夹。", default="Handled"
    )
    held: str = told(
        "Folder for mail that waits for a person.", "等待人工处理的邮件文件夹。", default="Held"
    )
    skipped: str = told(
        "Folder for mail that nobody answers.", "无需答复的邮件文件夹。", default="Skipped"
    )
    claim: str = told(
        "Folder with one note that says which appliance looks after this mailbox.",
        "存放归属标记的文件夹，标明由哪台设备负责此邮箱。",
        default="Appliance",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeSettings(StoreSettings):
    """``[mailbox.exchange]``: an Exchange server, spoken to by EWS."""

    server: str = told(
        "Name of the server, or the whole address of its EWS (https://mail.example.com/EWS/Exchange.asmx). "
        "Nothing is looked up by autodiscover.",
        "服务器名称，或 EWS 的完整地址（https://mail.example.com/EWS/Exchange.asmx）。不使用自动发现。",
        default="",
    )
    mailbox: str = told(
        "Address of the shared mailbox; empty: the mailbox of whoever signs in.",
        "共享邮箱的地址；留空则为登录用户自己的邮箱。",
        default="",
    )
    access: Literal["delegate", "impersonation"] = told(
        "delegate: whoever signs in has full access to the mailbox. impersonation: acts as the mailbox itself "
        "(role ApplicationImpersonation).",
        "delegate：登录用户拥有该邮箱的完全访问权限。impersonation：以该邮箱身份操作（ApplicationImpersonation 角色）。",
        default="delegate",
    )
    auth: Literal["ntlm", "basic"] = told(
        "How a password is shown to the server; tokens need no such choice.",
        "密码登录所用的方式；使用令牌时无需选择。",
        default="ntlm",
    )
    streaming: bool = told(
        "Let the server announce new mail (streaming notifications).",
        "由服务器即时通知新邮件（流式通知）。",
        default=True,
    )
    send: Literal["send_item", "update_item"] = told(
        "How the server is told to send, as `appliance check` finds out: send_item on Exchange, "
        "update_item on grommunio.",
        "让服务器发信的方式，由 `appliance check` 测出：Exchange 用 send_item，grommunio 用 update_item。",
        default="send_item",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GraphSettings(StoreSettings):
    """``[mailbox.graph]``: Microsoft 365, spoken to by Microsoft Graph."""

    mailbox: str = told("Address of the mailbox.", "邮箱地址。", default="")
    endpoint: str = told(
        "Address of Graph where it is not the usual one (a national cloud).",
        "Graph 的地址（使用国家云等非默认服务时填写）。",
        default="https://graph.microsoft.com",
    )
