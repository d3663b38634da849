"""Which organisation a domain belongs to, well enough to compare two of them.

The Public Suffix List is exact and changes weekly; an appliance without the internet would carry
an old copy. Comparing needs less: the last two labels, or three below the second-level suffixes
that registries of the countries sell under. What is not known here makes two domains of one
suffix look like one organisation, and the rules that compare only ask for a person's approval.
"""

from typing import Final

_GENERIC: Final = frozenset({"ac", "co", "com", "edu", "gob", "gov", "govt", "net", "or", "org"})
_COUNTRY: Final = 2
"""Letters in the top-level domain of a country (ISO 3166)."""

_SECOND_LEVEL: Final = frozenset(
    {
        *("ltd.uk", "me.uk", "plc.uk", "sch.uk", "nhs.uk", "police.uk", "ne.jp", "go.jp", "ad.jp"),
        *("gv.at", "asso.fr", "gouv.fr", "tm.fr", "nom.es", "idv.tw", "idv.hk", "mil.cn", "id.au"),
        *("asn.au", "waw.pl", "info.pl", "biz.pl", "muni.il", "k12.tr", "bel.tr", "ed.jp", "gr.jp"),
        *("re.kr", "pe.kr", "go.kr", "firm.in", "gen.in", "ind.in", "nic.in", "res.in", "geek.nz"),
        *("bj.cn", "sh.cn", "tj.cn", "cq.cn", "he.cn", "sx.cn", "nm.cn", "ln.cn", "jl.cn", "hl.cn"),
        *("js.cn", "zj.cn", "ah.cn", "fj.cn", "jx.cn", "sd.cn", "ha.cn", "hb.cn", "hn.cn", "gd.cn"),
        *("gx.cn", "hi.cn", "sc.cn", "gz.cn", "yn.cn", "xz.cn", "sn.cn", "gs.cn", "qh.cn", "nx.cn"),
        *("xj.cn", "tw.cn", "hk.cn", "mo.cn"),
    }
)
"""Second-level suffixes that registries sell under, besides the generic ones of a country."""


def organisation(domain: str) -> str:
    """The organisational domain (RFC 7489 §3.2) of ``domain``, approximately; lower-case."""
    labels = domain.strip().strip(".").lower().split(".")
    second, _, top = ".".join(labels[-2:]).rpartition(".")
    longer = f"{second}.{top}" in _SECOND_LEVEL or (len(top) == _COUNTRY and second in _GENERIC)
    return ".".join(labels[-3:] if longer else labels[-2:])


def aligned(one: str, other: str) -> bool:
    """Whether two domains belong to the same organisation, as far as can be told."""
    return organisation(one) == organisation(other)
