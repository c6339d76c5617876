"""The files whose tests share one town: one worker takes them together, so that it is built once, and closed when they are over."""

TOGETHER = {
    "test_a_question",
    "test_custodian",
    "test_faults",
    "test_hostile_tasks",
    "test_many_at_once",
    "test_races",
    "test_standing_tasks",
}
