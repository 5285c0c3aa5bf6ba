use super::*;

#[test]
fn overload_and_canceled_rtts_never_move_the_long_term_rtt() {
    for rtt in [Duration::ZERO, FAST, HOUR] {
        never_learned(warm_gradient2(), overload(rtt, 200));
        never_learned(warm_gradient2(), canceled(rtt, 200));
    }
}

#[test]
fn overload_before_any_success_leaves_no_baseline() {
    never_learned(Gradient2::default(), overload(FAST, 20));
}

#[test]
fn overload_lowers_the_limit_at_any_load() {
    for in_flight in [1, 20, 1000] {
        lowers(warm_gradient2(), overload(FAST, in_flight));
    }
}

#[test]
fn overloads_bring_the_limit_down_without_sticking() {
    falls_to_one_without_sticking(Gradient2::builder().min_limit(1).smoothing(0.01).build());
}

#[test]
fn cancel_beyond_the_tolerance_lowers_the_limit() {
    for in_flight in [1, 20] {
        lowers(warm_gradient2(), canceled(NORMAL * 2, in_flight));
    }
}

#[test]
fn overloads_and_cancels_follow_their_gradient_without_queue_growth() {
    for (sample, limit) in [
        (overload(FAST, 1), 90),
        (canceled(HOUR, 1), 90),
        (canceled(NORMAL * 2, 1), 95),
    ] {
        let mut gradient2 = warm_gradient2();
        gradient2.rebase(100, bounds(1, 200));
        gradient2.update(&sample);
        assert_eq!(gradient2.max_concurrency(), limit, "{sample:?}");
    }
}

#[test]
fn cancel_within_the_tolerance_teaches_nothing() {
    teaches_nothing(warm_gradient2(), canceled(NORMAL * 3 / 2, 20));
    teaches_nothing(warm_gradient2(), canceled(FAST, 20));
}

#[test]
fn cancel_before_any_success_teaches_nothing() {
    teaches_nothing(Gradient2::default(), canceled(HOUR, 20));
}

#[test]
fn limit_of_one_grows_again() {
    grows_from_one(warm_gradient2());
    let slow = Gradient2::builder().smoothing(0.01).queue_size(1).build();
    grows_from_one(slow);
}

#[test]
fn one_request_at_a_time_does_not_grow_the_limit() {
    stays_without_load(warm_gradient2());
}

#[test]
fn rebase_takes_over_limit_and_bounds_and_keeps_the_baseline() {
    takes_over_limit_and_bounds(warm_gradient2());
}

#[test]
fn report_tells_the_queue_of_the_last_success() {
    let mut gradient2 = warm_gradient2();
    assert_eq!(gradient2.report().queue, Some(0.0));
    gradient2.update(&success(NORMAL * 2, 1));
    let queue = gradient2.report().queue.unwrap();
    assert!((9.9..10.1).contains(&queue), "{queue}");
}

#[test]
fn report_says_learning_until_there_is_a_baseline() {
    let algorithm = Gradient2::default();
    assert_eq!(algorithm.report().phase, Some("learning"));
    assert_eq!(algorithm.report().baseline, None);
    assert_eq!(warm_gradient2().report().phase, Some("tracking"));
    assert_eq!(warm_gradient2().report().baseline, Some(NORMAL));
}
