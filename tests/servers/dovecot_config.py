"""The configuration of the Dovecot that tests start: one frozen value, written in either syntax."""

import grp
import os
import pwd
import shlex
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, Literal

# Its login processes refuse to be root's: where root runs the tests, the whole server is nobody's.
AS_ROOT = os.geteuid() == 0
OWNER = pwd.getpwnam("nobody") if AS_ROOT else pwd.getpwuid(os.geteuid())
DROP = f"setpriv --reuid={OWNER.pw_uid} --regid={OWNER.pw_gid} --clear-groups" if AS_ROOT else ""
# What is put before every command. To try another Dovecot that lies in a directory of its own:
# DOVECOT_LAUNCHER="chroot --userspec=nobody:nogroup DIRECTORY", with this /tmp seen inside.
LAUNCHER = tuple(shlex.split(os.environ.get("DOVECOT_LAUNCHER", DROP)))
BINARY = os.environ.get("DOVECOT_BINARY", "/usr/sbin/dovecot")
# What Dovecot 2.3.19 tells after the login where nothing is hidden.
CAPABILITIES: Final = tuple(
    "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES "
    "THREAD=REFS THREAD=ORDEREDSUBJECT MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN "
    "NAMESPACE UIDPLUS LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH ESORT SEARCHRES WITHIN "
    "CONTEXT=SEARCH LIST-STATUS BINARY MOVE PREVIEW STATUS=SIZE SAVEDATE LITERAL+ "
    "NOTIFY SPECIAL-USE".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """How a mail server is to behave; what is not said is what a usual Dovecot does."""

    sent: str = "Sent"
    drafts: str = "Drafts"
    make_folders: bool = True  # Sent and Drafts are there before anybody makes them
    special_use: bool = True  # Sent and Drafts carry \Sent and \Drafts
    prefix: str = ""  # of every folder but the inbox, such as "INBOX."
    separator: str = "/"
    hidden: tuple[str, ...] = ()  # capabilities that are not told, such as "IDLE"
    mechanisms: tuple[str, ...] = ("plain", "login")
    oauth: bool = False  # XOAUTH2 and OAUTHBEARER with tokens of Dovecot.jwt() besides
    tls: Literal["yes", "no", "required"] = "yes"
    connections_per_user: int = 100
    certificate_names: tuple[str, ...] = ("127.0.0.1", "127.0.0.2", "localhost")
    extra: str = ""  # lines of configuration, added last

    @property
    def host(self) -> str:
        """Where it listens: Dovecot wants no TLS of a client that has the server's own address."""
        return "127.0.0.2" if self.tls == "required" else "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one server lives: its directory and the ports it listens at."""

    directory: Path
    imap: int
    imaps: int
    submission: int
    submissions: int
    relay: tuple[str, int] | None


@cache
def version(launcher: tuple[str, ...] = LAUNCHER, binary: str = BINARY) -> tuple[int, int]:
    told = subprocess.run(
        [*launcher, binary, "--version"], check=True, capture_output=True, text=True
    ).stdout
    major, minor = told.split(".")[:2]
    return int(major), int(minor)


def configuration(version: tuple[int, int], setup: Setup, place: Place) -> dict[str, str]:
    """The texts of the configuration files by their name, for a Dovecot of ``version``."""
    syntax = version_2_4 if version >= (2, 4) else version_2_3
    files = syntax(setup, place)
    files["dovecot.conf"] += _common(setup, place) + setup.extra + "\n"
    return files


def version_2_3(setup: Setup, place: Place) -> dict[str, str]:
    """What only the syntax of 2.3 says so."""
    here = place.directory
    main = f"""
disable_plaintext_auth = no
ssl_cert = <{here}/server.pem
ssl_key = <{here}/server.key
mail_location = maildir:~/Maildir
auth_mechanisms = {" ".join(_mechanisms(setup))}
passdb {{
  driver = passwd-file
  mechanisms = plain login none
  args = scheme=PLAIN username_format=%u {here}/users
}}
userdb {{
  driver = static
  args = uid={OWNER.pw_uid} gid={OWNER.pw_gid} home={here}/mail/%u
}}
"""
    if setup.oauth:
        main += f"""
passdb {{
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = {here}/oauth2.conf
}}
"""
    oauth = f"""
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={here}/keys/
username_attribute = email
"""
    return {"dovecot.conf": main, "oauth2.conf": oauth}


def version_2_4(setup: Setup, place: Place) -> dict[str, str]:
    """The same in the syntax of 2.4."""
    here = place.directory
    main = f"""
dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
auth_allow_cleartext = {"no" if setup.tls == "required" else "yes"}
ssl_server_cert_file = {here}/server.pem
ssl_server_key_file = {here}/server.key
mail_driver = maildir
mail_path = ~/Maildir
auth_mechanisms = {" ".join(_mechanisms(setup))}
passdb passwd-file {{
  default_password_scheme = PLAIN
  auth_username_format = %{{user}}
  passwd_file_path = {here}/users
}}
userdb static {{
  fields {{
    uid = {OWNER.pw_uid}
    gid = {OWNER.pw_gid}
    home = {here}/mail/%{{user}}
  }}
}}
"""
    if setup.oauth:
        main += f"""
oauth2 {{
  introspection_mode = local
  username_attribute = email
}}
oauth2_local_validation {{
  dict fs {{
    fs posix {{
      prefix = {here}/keys/
    }}
  }}
}}
"""
    return {"dovecot.conf": main}


def _common(setup: Setup, place: Place) -> str:
    """What both syntaxes say alike: processes of one ordinary user, services and folders."""
    here = place.directory
    user, group = OWNER.pw_name, grp.getgrgid(OWNER.pw_gid).gr_name
    capability = " ".join(name for name in CAPABILITIES if name not in setup.hidden)
    submission, relay = "", ""
    if place.relay is not None:
        submission = " submission"
        relay = (
            f"submission_relay_host = {place.relay[0]}\nsubmission_relay_port = {place.relay[1]}"
        )
    return f"""
protocols = imap lmtp{submission}
listen = {setup.host}
base_dir = {here}/run
state_dir = {here}/state
log_path = {here}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
mail_uid = {OWNER.pw_uid}
mail_gid = {OWNER.pw_gid}
first_valid_uid = 0
first_valid_gid = 0
ssl = {setup.tls}
mail_max_userip_connections = {setup.connections_per_user}
auth_failure_delay = 0
{f"imap_capability = {capability}" if setup.hidden else ""}
{relay}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {place.imap}
  }}
  inet_listener imaps {{
    port = {0 if setup.tls == "no" else place.imaps}
    ssl = yes
  }}
}}
service submission-login {{
  chroot =
  inet_listener submission {{
    port = {place.submission}
  }}
  inet_listener submissions {{
    port = {0 if setup.tls == "no" else place.submissions}
    ssl = yes
  }}
}}
service lmtp {{
  unix_listener lmtp {{
    mode = 0600
  }}
}}
namespace inbox {{
  inbox = yes
  prefix = {setup.prefix}
  separator = {setup.separator}
{_folder(setup, setup.sent, "Sent")}{_folder(setup, setup.drafts, "Drafts")}}}
"""


def _folder(setup: Setup, name: str, use: str) -> str:
    special = f"\n    special_use = \\{use}" if setup.special_use else ""
    made = "subscribe" if setup.make_folders else "no"
    return f"""  mailbox "{name}" {{
    auto = {made}{special}
  }}
"""


def _mechanisms(setup: Setup) -> tuple[str, ...]:
    return (*setup.mechanisms, *(("xoauth2", "oauthbearer") if setup.oauth else ()))
