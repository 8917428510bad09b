"""What is missing of a sender's markers is seen, asked for, and in the end given up."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.markers.senders import GRACE_S, Sender, Senders


def test_what_comes_in_order_is_never_asked_for():
    sender = Sender("t")
    assert all(sender.take(number, now_s=number) for number in range(1, 10))
    assert sender.request(1000.0) is None


def test_a_hole_is_asked_for_when_it_had_its_time():
    sender = Sender("t")
    for number in (1, 2, 6, 9):
        sender.take(number, 10.0)
    assert sender.request(10.0 + GRACE_S / 2) is None
    assert sender.request(10.0 + GRACE_S) == (3, 5)
    assert sender.request(10.0 + GRACE_S) is None
    assert sender.request(12.0) == (3, 5)
    for number in (3, 4, 5):
        assert sender.take(number, 12.0)
    assert sender.request(20.0) == (7, 8)


def test_a_late_listener_asks_for_all_that_a_header_tells_of():
    sender = Sender("t")
    sender.tell(40, 1.0)
    assert sender.request(1.0 + GRACE_S) == (1, 40)


def test_what_is_never_answered_is_given_up_and_counted():
    sender = Sender("t")
    for number in (1, 5):
        sender.take(number, 0.0)
    asked = [sender.request(now) for now in range(0, 100_000, 10)]
    assert asked.count((2, 4)) == 8
    assert sender.n_lost == 3
    assert not sender.take(3, 0.0)
    assert sender.take(6, 0.0)


@given(st.lists(st.integers(1, 30)), st.sets(st.integers(1, 30)))
def test_each_number_is_new_once_whatever_comes(numbers, told):
    sender, seen = Sender("t"), set()
    for number in numbers:
        assert sender.take(number, 0.0) == (number not in seen)
        seen.add(number)
    for last in told:
        sender.tell(last, 0.0)
    last = max(seen | told, default=0)
    missing = sorted(set(range(1, last + 1)) - seen)
    request = sender.request(GRACE_S)
    if not missing:
        assert request is None
    else:
        first, stop = request
        assert first == missing[0]
        assert set(range(first, stop + 1)) <= set(missing)


def test_numbers_that_nobody_can_have_sent_are_not_waited_for():
    sender = Sender("t")
    assert sender.take(10**15, 0.0)
    sender.tell(10**15, 0.0)
    assert sender.request(1000.0) is None


def test_there_is_an_end_to_senders():
    senders = Senders()
    assert all(senders.of(str(k)) is not None for k in range(1000))
    assert senders.of("one more") is None
    assert senders.of("5") is senders.of("5")


def test_what_a_sender_had_not_sent_at_its_end_is_lost():
    senders = Senders()
    for number in (1, 2, 4):
        senders.of("t").take(number, 0.0)
    assert senders.n_lost == 0
    senders.end("t", 6, 1.0)
    senders.end("nobody", 3, 1.0)
    assert senders.n_lost == 3  # 3, 5 and 6
    assert senders.has_ended("t")
    assert not list(senders)
