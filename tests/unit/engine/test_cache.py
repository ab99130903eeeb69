from __future__ import annotations

import threading
import time

from hypothesis import given
from hypothesis import strategies as st

from fpn_viewer.engine.cache import ByteCache


def cache_of(budget: int, *values: str) -> ByteCache[str, str]:
    cache: ByteCache[str, str] = ByteCache(budget, len)
    for value in values:
        cache.put(value, value)
    return cache


def kept(cache: ByteCache[str, str], *keys: str) -> str:
    return "".join(key[0] for key in keys if key in cache)


def test_the_least_recently_used_goes_first() -> None:
    cache = cache_of(6, "aa", "bb", "cc")
    assert cache.get("aa") == "aa"
    assert cache.put("dd", "dd"), "one had to go"
    assert kept(cache, "aa", "bb", "cc", "dd") == "acd"
    assert cache.bytes == 6


def test_as_many_go_as_the_new_value_needs() -> None:
    cache = cache_of(6, "aa", "bb", "cc", "ddd")
    assert kept(cache, "aa", "bb", "cc", "ddd") == "cd"
    assert cache.bytes == 5


def test_a_value_larger_than_the_budget_stays_alone() -> None:
    cache = cache_of(4, "aa", "bb", "ccccccc")
    assert kept(cache, "aa", "bb", "ccccccc") == "c"
    assert cache.get("ccccccc") == "ccccccc"
    cache.put("aa", "aa")
    assert len(cache) == 1
    assert cache.bytes == 2


def test_replacing_counts_the_new_size_only() -> None:
    cache = cache_of(9, "aa", "bb")
    assert not cache.put("aa", "aaaaa"), "nothing had to go"
    assert cache.get("aa") == "aaaaa"
    assert cache.bytes == 7


def test_a_smaller_budget_evicts_at_once_down_to_the_newest() -> None:
    cache = cache_of(6, "aa", "bb", "cc")
    cache.budget = 5
    assert cache.budget == 5
    assert kept(cache, "aa", "bb", "cc") == "bc"
    cache.budget = 0
    assert kept(cache, "aa", "bb", "cc") == "c"


def test_pop_and_clear() -> None:
    cache = cache_of(6, "aa", "bb")
    assert cache.pop("aa") == "aa"
    assert cache.pop("aa") is None
    assert cache.get("aa") is None
    assert cache.bytes == 2
    cache.clear()
    assert (len(cache), cache.bytes) == (0, 0)


@given(st.integers(0, 20), st.lists(st.tuples(st.sampled_from("pgx"), st.integers(0, 5), st.integers(0, 12))))
def test_bytes_always_match_and_stay_within_budget_or_one_value(budget: int, steps: list[tuple[str, int, int]]) -> None:
    cache: ByteCache[int, bytes] = ByteCache(budget, len)
    for action, key, size in steps:
        if action == "p":
            cache.put(key, bytes(size))
            assert cache.get(key) == bytes(size)
        else:
            {"g": cache.get, "x": cache.pop}[action](key)
        values = [value for key in range(6) if (value := cache.get(key)) is not None]
        assert cache.bytes == sum(map(len, values))
        assert cache.bytes <= budget or len(values) == 1


class Yielding(int):
    """A key that lets another thread run whenever the cache looks it up."""

    def __hash__(self) -> int:
        time.sleep(0)
        return int(self)


def test_many_threads_leave_the_count_right() -> None:
    cache: ByteCache[int, bytes] = ByteCache(50, len)
    start = threading.Barrier(4)

    def work() -> None:
        start.wait()
        for step in range(300):
            cache.put(Yielding(step % 3), bytes(step % 11))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert cache.bytes == sum(len(cache.get(key) or b"") for key in range(3))
