from datetime import UTC, datetime, timedelta

from appliance.config.overrides import Override, Overrides

NOON = datetime(2026, 11, 3, 12, tzinfo=UTC)


def override(name: str = "pause", *, why: str = "", until: datetime | None = None) -> Override:
    return Override(name=name, value=True, who="li", when=NOON, why=why, until=until)


def test_a_newer_override_takes_the_place_of_one_with_the_same_name() -> None:
    overrides = Overrides().with_(override(why="a")).with_(override("stop_sending"))

    changed = overrides.with_(override(why="b"))

    assert [(one.name, one.why) for one in changed.override] == [
        ("stop_sending", ""),
        ("pause", "b"),
    ]


def test_an_override_is_taken_back_by_its_name() -> None:
    overrides = Overrides().with_(override()).with_(override("stop_sending"))

    assert [one.name for one in overrides.without("pause").override] == ["stop_sending"]
    assert overrides.without("unknown") == overrides


def test_an_override_ends_at_its_time_and_not_before() -> None:
    end = NOON + timedelta(hours=1)
    overrides = Overrides().with_(override(until=end)).with_(override("stop_sending"))

    assert len(overrides.active(end - timedelta(seconds=1))) == 2
    assert [one.name for one in overrides.active(end)] == ["stop_sending"]
