use super::*;

#[test]
fn fast_overloads_and_cancels_never_raise_the_limit() {
    never_learned(aimd(), overload(FAST, 20));
    never_learned(aimd(), canceled(FAST, 20));
}

#[test]
fn overload_lowers_the_limit_at_any_load() {
    for in_flight in [1, 20, 1000] {
        lowers(aimd(), overload(FAST, in_flight));
    }
}

#[test]
fn overloads_bring_the_limit_down_without_sticking() {
    falls_to_one_without_sticking(Aimd::builder().min_limit(1).backoff_ratio(0.999).build());
}

#[test]
fn cancel_after_the_timeout_or_more_lowers_the_limit() {
    let timeout = Duration::from_secs(5);
    lowers(aimd(), canceled(timeout, 1));
    lowers(aimd(), canceled(timeout + MS, 20));
}

#[test]
fn cancel_before_the_timeout_teaches_nothing() {
    teaches_nothing(aimd(), canceled(Duration::from_secs(5) - MS, 20));
}

#[test]
fn success_after_exactly_the_timeout_is_in_time() {
    let mut aimd = aimd();
    aimd.update(&success(Duration::from_secs(5), 20));
    assert_eq!(aimd.max_concurrency(), 21);
}

#[test]
fn limit_of_one_grows_again() {
    grows_from_one(aimd());
}

#[test]
fn one_request_at_a_time_does_not_grow_the_limit() {
    stays_without_load(aimd());
}

#[test]
fn rebase_takes_over_limit_and_bounds() {
    takes_over_limit_and_bounds(aimd());
}
