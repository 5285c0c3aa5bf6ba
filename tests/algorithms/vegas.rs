use super::*;

#[test]
fn overload_and_canceled_rtts_never_move_the_baseline() {
    for rtt in [Duration::ZERO, FAST, HOUR] {
        never_learned(warm_vegas(), overload(rtt, 200));
        never_learned(warm_vegas(), canceled(rtt, 200));
    }
}

#[test]
fn overload_before_any_success_leaves_no_baseline() {
    never_learned(Vegas::default(), overload(FAST, 20));
    never_learned(Vegas::default(), canceled(FAST, 20));
}

#[test]
fn overloads_and_cancels_are_no_probes() {
    let builder = Vegas::builder().probe_multiplier(2).seed(1);
    let mut vegas = builder.build();
    vegas.update(&success(NORMAL, 1));
    for _ in 0..1000 {
        vegas.update(&overload(HOUR, 20));
        vegas.update(&canceled(HOUR, 20));
    }
    assert_eq!(vegas.report().baseline, Some(NORMAL));
}

#[test]
fn overload_lowers_the_limit_at_any_load() {
    for in_flight in [1, 20, 1000] {
        lowers(warm_vegas(), overload(FAST, in_flight));
    }
    lowers(Vegas::default(), overload(FAST, 1));
}

#[test]
fn overloads_bring_the_limit_down_without_sticking() {
    falls_to_one_without_sticking(Vegas::builder().smoothing(0.01).build());
}

#[test]
fn cancel_beyond_the_beta_queue_lowers_the_limit() {
    for in_flight in [1, 20] {
        lowers(warm_vegas(), canceled(NORMAL * 2, in_flight));
    }
}

#[test]
fn cancel_within_the_beta_queue_teaches_nothing() {
    // ⌈20 × (1 − 20 ÷ 28)⌉ = 6, which is beta at a limit of 20.
    teaches_nothing(warm_vegas(), canceled(MS * 28, 20));
    teaches_nothing(warm_vegas(), canceled(FAST, 20));
}

#[test]
fn cancel_before_any_success_teaches_nothing() {
    teaches_nothing(Vegas::default(), canceled(HOUR, 20));
}

#[test]
fn limit_of_one_grows_again() {
    grows_from_one(warm_vegas());
    let timid = Vegas::builder().alpha(1.01).beta(1.01).threshold(0.0);
    grows_from_one(timid.probe_multiplier(2).smoothing(0.1).build());
    let classic = Vegas::builder().alpha(1.0).beta(3.0).threshold(1.0);
    grows_from_one(classic.build());
}

#[test]
fn one_request_at_a_time_does_not_grow_the_limit() {
    stays_without_load(warm_vegas());
}

#[test]
fn rebase_takes_over_limit_and_bounds_and_keeps_the_baseline() {
    takes_over_limit_and_bounds(warm_vegas());
}

#[test]
fn probe_lets_a_slower_service_become_the_baseline() {
    let mut vegas = warm_vegas();
    for _ in 0..1000 {
        vegas.update(&success(NORMAL * 3, 20));
    }
    assert_eq!(vegas.report().baseline, Some(NORMAL * 3));
}

#[test]
fn same_seed_probes_at_the_same_samples() {
    let probes = |seed| probes_of(Vegas::builder().seed(seed).build());
    assert_eq!(probes(7), probes(7));
    assert_ne!(probes(7), probes(8));
}

#[test]
fn values_without_a_seed_do_not_probe_in_step() {
    let builder = Vegas::builder();
    assert_ne!(
        probes_of(builder.clone().build()),
        probes_of(builder.build())
    );
}

/// Returns after which samples, each slower than the one before, the baseline moved.
fn probes_of(mut vegas: Vegas) -> Vec<u32> {
    let mut probes = Vec::new();
    let mut baseline = None;
    for sample in 1..10_000 {
        vegas.update(&success(MS * sample, 1));
        if vegas.report().baseline != baseline {
            baseline = vegas.report().baseline;
            probes.push(sample);
        }
    }
    assert!(probes.len() > 10);
    probes
}

#[test]
fn report_says_learning_until_there_is_a_baseline() {
    let algorithm = Vegas::default();
    assert_eq!(algorithm.report().phase, Some("learning"));
    assert_eq!(algorithm.report().baseline, None);
    assert_eq!(warm_vegas().report().phase, Some("tracking"));
    assert_eq!(warm_vegas().report().baseline, Some(NORMAL));
}
